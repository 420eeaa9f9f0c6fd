// Bytes on a socket, for requests that no HTTP client would send.
import { connect } from 'node:net';

// Sends `text` and collects what comes back until the peer closes or `timeoutMs` have passed:
// {answer, statuses, closed}.
export function rawRequest(port, text, { timeoutMs = 1500, end = false } = {}) {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1');
    const finish = (closed) => {
      clearTimeout(timer);
      socket.destroy();
      const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => Number(match[1]));
      resolve({ answer, statuses, closed });
    };
    const timer = setTimeout(() => finish(false), timeoutMs);
    socket.setEncoding('latin1');
    socket.on('connect', () => (end ? socket.end(text, 'latin1') : socket.write(text, 'latin1')));
    socket.on('data', (data) => { answer += data; });
    socket.on('close', () => finish(true));
    socket.on('error', (error) => {
      // The server may close while we still write; what it said before that counts.
      if (['ECONNRESET', 'EPIPE'].includes(error.code)) finish(true);
      else reject(error);
    });
  });
}
