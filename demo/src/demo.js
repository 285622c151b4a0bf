// Sends the forms without loading the whole page anew, and puts in what is new. The server writes
// all of it: without this script the forms do the same, one page after the other.

const element = (id) => document.getElementById(id);

// The parts of the page as the server wrote them: what is the same stays, with what was typed there.
const served = new Map();
for (const part of document.querySelectorAll("[data-live]")) {
  served.set(part.id, part.innerHTML);
}

// One after the other: two requests of one session at once are for the button that asks for it.
let last = Promise.resolve();
function enqueue(work, problem) {
  last = last.then(work).catch((error) => {
    problem.textContent = error.message;
  });
}

async function ask(path, options) {
  const response = await fetch(path, options).catch(() => {
    throw new Error("No answer. Is the server still running?");
  });
  // A form that was accepted answers with the way back to the page.
  const accepted = response.ok || response.type === "opaqueredirect";
  return accepted ? response : Promise.reject(new Error(await plain(response)));
}

async function plain(response) {
  return (await response.text()) || `The server says ${response.status}.`;
}

function post(path, fields) {
  return ask(path, { method: "POST", body: new URLSearchParams(fields), redirect: "manual" });
}

async function load() {
  const text = await (await ask("/")).text();
  const page = new DOMParser().parseFromString(text, "text/html");
  const focused = document.activeElement;
  for (const part of page.querySelectorAll("[data-live]")) {
    if (served.get(part.id) !== part.innerHTML) {
      served.set(part.id, part.innerHTML);
      element(part.id).replaceChildren(...part.childNodes);
    }
  }
  tick();
  focus([focused.id, focused.dataset.next]);
}

// The button that had the focus may be gone: go on with the one that comes next.
function focus(ids) {
  for (const id of ids) {
    if (document.activeElement === document.body && id) {
      element(id)?.focus({ preventScroll: true });
    }
  }
}

// Whatever the server said: the page then shows what happened, and the form's own part of it what
// went wrong.
function act(form, work) {
  const problem = form.closest(".experiment, .card").querySelector("[role=alert]") ?? element("problem");
  enqueue(async () => {
    for (const alert of document.querySelectorAll("[role=alert]")) {
      alert.textContent = "";
    }
    document.documentElement.setAttribute("aria-busy", "true");
    const failed = await work().then(() => null, (error) => error);
    await load().finally(() => document.documentElement.removeAttribute("aria-busy"));
    if (failed !== null) {
      throw failed;
    }
  }, problem);
}

// What two tabs send at once.
const together = {
  busy: [["/busy"], ["/busy-logout"]],
  tabs: [["/tabs", { item: "tea" }], ["/tabs", { item: "honey" }]],
};

async function both(requests) {
  const answers = requests.map(([path, fields]) => post(path, fields));
  const failed = (await Promise.allSettled(answers)).find(({ reason }) => reason);
  if (failed) {
    throw failed.reason;
  }
}

document.addEventListener("submit", (event) => {
  event.preventDefault();
  const { submitter, target: form } = event;
  const path = submitter?.getAttribute("formaction") ?? form.getAttribute("action");
  if (form.id in together) {
    act(form, () => both(together[form.id]));
  } else if (form.method === "get") {
    act(form, async () => {});
  } else {
    const fields = new FormData(form, submitter);
    if (path === "/set/preset") {
      // What was chosen and not applied is gone, too.
      served.delete("options");
    }
    act(form, () => post(path, fields));
  }
});

function tick() {
  const time = element("time");
  const now = new Date(Date.now() + Number(time.dataset.ahead));
  time.textContent = now.toISOString().slice(11, 19);
}

document.documentElement.classList.add("has-script");
setInterval(tick, 1000);
