// An Express application as they are written, whose sessions a Rust one shares:
// conformance/examples/interop_app.rs has the same routes and takes the same arguments.
//
//     node app.mjs redis redis://127.0.0.1:6379/ sess: '{"secret": ["keyboard cat"]}'
//     node app.mjs postgres postgres://postgres@127.0.0.1/postgres session '{"secret": ["keyboard cat"]}'
//
// The third argument is the prefix of the keys, or the table. The options are those of express-session.
// It prints its port, and ends when its standard input does: it can't outlive the test that started it.

import { setTimeout as sleep } from "node:timers/promises";

import connectPgSimple from "connect-pg-simple";
import { RedisStore } from "connect-redis";
import express from "express";
import session from "express-session";
import pg from "pg";
import { createClient } from "redis";

const [kind, url, place, options = "{}"] = process.argv.slice(2);

const stores = {
  async redis() {
    const client = createClient({ url });
    client.on("error", (error) => console.error(error));
    await client.connect();
    return new RedisStore({ client, prefix: place });
  },
  postgres() {
    const PostgresStore = connectPgSimple(session);
    const pool = new pg.Pool({ connectionString: url, max: 4 });
    return new PostgresStore({ pool, tableName: place, pruneSessionInterval: false });
  },
};

// What a test holds and releases.
class Semaphore {
  #permits = 0;
  #waiting = [];
  add() {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#permits += 1;
  }
  async take() {
    if (this.#permits > 0) this.#permits -= 1;
    else await new Promise((resolve) => this.#waiting.push(resolve));
  }
}
const held = new Semaphore();
const released = new Semaphore();

// What a handler takes its time for: `delay` milliseconds, or until the test releases it (`hold`).
async function work({ delay, hold }) {
  if (delay) await sleep(Number(delay));
  if (hold) {
    held.add();
    await released.take();
  }
}

const calling = (object, method) =>
  new Promise((resolve, reject) =>
    object[method]((error) => (error ? reject(error) : resolve())),
  );

function answer(req, res) {
  const { cookie, ...data } = req.session ?? {};
  res.json(data);
}

const app = express();
app.post("/held", async (_, res) => res.json(await held.take()));
app.post("/release", (_, res) => res.json(released.add()));
app.use(
  session({
    resave: false,
    saveUninitialized: false,
    ...JSON.parse(options),
    store: await stores[kind](),
  }),
);
app.get("/", async (req, res) => {
  await work(req.query);
  answer(req, res);
});
app.post("/login", async (req, res) => {
  await calling(req.session, "regenerate");
  req.session.user = req.query.user;
  answer(req, res);
});
app.post("/logout", async (req, res) => {
  await work(req.query);
  await calling(req.session, "destroy");
  answer(req, res);
});
app.post("/regenerate", async (req, res) => {
  await calling(req.session, "regenerate");
  answer(req, res);
});
app.post("/set", async (req, res) => {
  await work(req.query);
  req.session[req.query.key] = JSON.parse(req.query.value);
  answer(req, res);
});
app.post("/remove", async (req, res) => {
  delete req.session[req.query.key];
  answer(req, res);
});
app.post("/increment", async (req, res) => {
  await work(req.query);
  req.session[req.query.key] = (req.session[req.query.key] ?? 0) + 1;
  answer(req, res);
});
app.post("/remember", (req, res) => {
  req.session.cookie.maxAge = Number(req.query.ms);
  req.session.remember = true;
  answer(req, res);
});
app.use((error, _req, res, _next) => res.status(500).json(String(error)));

const server = app.listen(0, "127.0.0.1", () => console.log(`port ${server.address().port}`));
process.stdin.resume().on("end", () => process.exit());
