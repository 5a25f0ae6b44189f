// Express with sessions, in front of Next.js. The variable OPTIONS adds to the options of session(), and STORE says
// how the store answers a request that changes its session: late, or with an error.
import express from 'express';
import session from 'express-session-rs';
import next from 'next';
import { sessions } from './sessions.mjs';

const { NODE_ENV, OPTIONS, SECRET, STORE } = process.env;

/** A store that answers as a server far away does. */
class FarStore extends session.DiskStore {
  set(sid, value, callback) {
    if (STORE === 'fails') setTimeout(callback, 100, new Error('the store has failed'));
    else setTimeout(() => super.set(sid, value, callback), 100);
  }

  setIfPresent(sid, value, callback) {
    this.set(sid, value, (error) => callback(error, true));
  }
}

const Store = STORE ? FarStore : session.DiskStore;
const withOptions = () => session({
  secret: SECRET, resave: false, saveUninitialized: false, store: new Store({ path: './sessions.db' }), ...JSON.parse(OPTIONS),
});

const site = next({ dev: NODE_ENV !== 'production' });
await site.prepare();
const handle = site.getRequestHandler();
const app = express();

app.use(OPTIONS ? withOptions() : sessions);
app.use((req, res, go) => {
  if ('visit' in req.query) req.session.visits = (req.session.visits ?? 0) + 1;
  if (!('save' in req.query)) return go();
  req.session.save(go);
});
app.get('/express', (req, res) => res.send(`visits ${req.session.visits}, count ${req.session.count}`));
app.use((req, res) => handle(req, res));
app.use((error, req, res, go) => {
  if (res.headersSent) return go(error);
  res.status(503).send(`error page: ${error.message}`);
});
app.listen(3000);
