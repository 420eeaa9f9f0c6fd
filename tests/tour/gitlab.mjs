// A stand-in for the part of GitLab's API that the tour uses: one project with two open issues.
// Every request needs the token; what was written is kept to be looked at.
import http from 'node:http';

const issues = () => [
  { iid: 41, title: 'Typo on the imprint page', labels: [], state: 'opened',
    description: 'It says "adress".' },
  { iid: 42, title: 'Checkout charges twice', labels: [], state: 'opened',
    description: 'Since this morning some customers pay two times for one order.' },
];

// Starts it on a free loopback port: {url, issues, notes, refused, stop()}.
export async function startGitlab(token) {
  const state = { issues: issues(), notes: [], refused: 0 };
  const server = http.createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const answer = (status, body) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    if (request.headers['private-token'] !== token) {
      state.refused += 1;
      return answer(401, { message: '401 Unauthorized' });
    }
    const { pathname } = new URL(request.url, 'http://localhost');
    const [, iid, rest] = pathname.match(
      /^\/api\/v4\/projects\/shop%2Fweb\/issues(?:\/(\d+))?(\/notes)?$/) ?? [];
    const issue = state.issues.find((one) => one.iid === Number(iid));
    const route = `${request.method} ${issue ? 'issue' : 'issues'}${rest ?? ''}`;
    const fields = () => Object.fromEntries(
      new URLSearchParams(Buffer.concat(chunks).toString()));
    if (route === 'GET issues') return answer(200, state.issues);
    if (route === 'POST issue/notes') {
      const note = { id: state.notes.length + 1, iid: issue.iid, ...fields() };
      state.notes.push(note);
      return answer(201, note);
    }
    if (route === 'PUT issue') {
      issue.labels.push(...(fields().add_labels ?? '').split(',').filter(Boolean));
      return answer(200, issue);
    }
    return answer(404, { message: '404 Not Found' });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(state, {
    url: `http://127.0.0.1:${server.address().port}`,
    stop: () => new Promise((resolve) => {
      server.closeAllConnections();
      server.close(resolve);
    }),
  });
}
