// A mail server that takes what it is told to take: RFC 5321 as far as a submitting client goes,
// with STARTTLS, TLS from the start, and the logins PLAIN and LOGIN.
import { createServer } from 'node:net';
import { createSecureContext, TLSSocket, createServer as createTlsServer } from 'node:tls';
import { readFileSync } from 'node:fs';

// options: tls 'starttls' | 'implicit' | 'none'; cert, key: files; users: {name: password};
// login: 'PLAIN' | 'LOGIN'; reply(command, count, session): a reply in place of the usual one.
export async function smtpServer(t, options = {}) {
  const { tls = 'none', users, login = 'PLAIN', reply = () => undefined } = options;
  const files = tls === 'none' ? {}
    : { cert: readFileSync(options.cert), key: readFileSync(options.key) };
  const self = { messages: [], logins: [], commands: [], sessions: 0 };

  function serve(raw, secured) {
    ++self.sessions;
    const session = { secure: secured, user: undefined, from: undefined, to: [], text: undefined,
      answering: undefined };
    let socket;
    let rest = '';
    const say = (text) => socket.write(`${text}\r\n`);
    const attach = (next) => {
      socket = next;
      socket.on('error', () => {});
      socket.on('data', (piece) => { rest += piece.toString('latin1'); lines(); });
    };
    const check = (user, password) => {
      const good = users?.[user] === password;
      self.logins.push({ user, good, secure: session.secure });
      if (good) session.user = user;
      say(good ? '235 welcome' : '535 5.7.8 wrong user or password');
    };
    const decoded = (text) => Buffer.from(text, 'base64').toString('utf8');
    function upgrade() {
      raw.removeAllListeners('data');
      rest = '';
      const inner = new TLSSocket(raw, { isServer: true,
        secureContext: createSecureContext(files) });
      Object.assign(session, { secure: true, from: undefined, to: [] });
      attach(inner);
    }
    function command(line) {
      if (session.answering) return session.answering(line);
      const verb = line.slice(0, 4).toUpperCase();
      self.commands.push({ line, secure: session.secure });
      const other = reply(verb, self.commands.filter((one) => one.line.startsWith(verb)).length,
        session);
      if (other) return say(other);
      if (verb === 'EHLO') {
        const can = ['test', 'SIZE 1000000', '8BITMIME'];
        if (tls === 'starttls' && !session.secure) can.push('STARTTLS');
        if (users && (session.secure || tls === 'none')) can.push(`AUTH ${login}`);
        return say(can.map((one, i) => `250${i < can.length - 1 ? '-' : ' '}${one}`).join('\r\n'));
      }
      if (verb === 'STAR') {
        raw.write('220 go on\r\n', upgrade);
        return undefined;
      }
      if (verb === 'AUTH') {
        const [, method, argument] = line.split(' ');
        if (method === 'PLAIN') {
          const [, user, password] = decoded(argument).split('\0');
          return check(user, password);
        }
        session.answering = (user) => {
          session.answering = (password) => {
            session.answering = undefined;
            check(decoded(user), decoded(password));
          };
          say('334 UGFzc3dvcmQ6');
        };
        return say('334 VXNlcm5hbWU6');
      }
      if (verb === 'MAIL') {
        if (users && !session.user) return say('530 authentication required');
        session.from = line;
        return say('250 ok');
      }
      if (verb === 'RCPT') {
        session.to.push(line.match(/<(.*)>/)[1]);
        return say('250 ok');
      }
      if (verb === 'DATA') {
        session.text = '';
        return say('354 go on');
      }
      if (verb === 'QUIT') {
        say('221 bye');
        return socket.end();
      }
      return say('502 what?');
    }
    function lines() {
      for (;;) {
        const end = rest.indexOf('\r\n');
        if (end < 0) return;
        const line = rest.slice(0, end);
        rest = rest.slice(end + 2);
        if (session.text === undefined) {
          command(line);
        } else if (line === '.') {
          const text = session.text;
          session.text = undefined;
          const refused = reply('.', self.messages.length + 1, session);
          if (!refused) {
            self.messages.push({ ...session, text, ...parsed(text) });
          }
          say(refused ?? '250 taken');
        } else {
          session.text += `${line.startsWith('.') ? line.slice(1) : line}\r\n`;
        }
      }
    }
    attach(raw);
    say('220 test ESMTP');
  }

  const server = tls === 'implicit' ? createTlsServer(files, (socket) => serve(socket, true))
    : createServer((socket) => serve(socket, false));
  const open = new Set();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.on('error', () => {}).on('close', () => open.delete(socket));
  });
  server.on('tlsClientError', () => {});
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  t.after(() => { for (const socket of open) socket.destroy(); server.close(); });
  const scheme = { none: 'smtp+plain', starttls: 'smtp', implicit: 'smtps' }[tls];
  self.url = `${scheme}://127.0.0.1:${server.address().port}`;
  return self;
}

// Headers by lower-case name, unfolded and with their encoded words read; the body as text.
function parsed(message) {
  const [head, ...rest] = message.split('\r\n\r\n');
  const headers = {};
  for (const line of head.replaceAll('\r\n ', ' ').split('\r\n')) {
    const [, name, value] = line.match(/^([\w-]+): (.*)$/);
    if (headers[name.toLowerCase()] !== undefined) throw new Error(`${name} stands twice`);
    headers[name.toLowerCase()] = value
      .replace(/\?= =\?/g, '?==?')
      .replace(/=\?UTF-8\?B\?([^?]*)\?=/g, (all, word) => Buffer.from(word, 'base64').toString());
  }
  return { headers, body: Buffer.from(rest.join('\r\n\r\n'), 'base64').toString('utf8') };
}
