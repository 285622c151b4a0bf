// Sends the forms by fetch, and shows what the server says each request did to the session.

const ENTRIES = 50;
const element = (id) => document.getElementById(id);

async function send(method, path, body) {
  element("problem").textContent = "";
  try {
    const headers = { accept: "application/json" };
    const response = await fetch(path, { method, body, headers }).catch(() => {
      throw new Error("No answer. Is the server still running?");
    });
    show(`${method} ${path}`, response);
    if (!response.ok) {
      throw new Error((await response.text()) || `The server says ${response.status}.`);
    }
    render(await response.json());
  } catch (error) {
    element("problem").textContent = error.message;
  }
}

function render({ name, visits }) {
  // As text, never as HTML: a name may be anything.
  element("name").textContent = name ?? "";
  element("visits").textContent = visits;
  const state = name === null ? "guest" : "member";
  const { dataset } = element("visitor");
  if (dataset.state !== state) {
    dataset.state = state;
    // The button that had the focus is gone: go on with the one that comes next.
    element("login-name").value = "";
    element(state === "guest" ? "login-name" : "visit").focus();
  }
}

function show(request, response) {
  const entry = document.createElement("li");
  const title = document.createElement("h3");
  title.textContent = `${request} → ${response.status}`;
  const list = document.createElement("dl");
  const line = (term, text) => {
    const [dt, dd] = ["dt", "dd"].map((name) => document.createElement(name));
    dt.textContent = term;
    dd.textContent = text;
    list.append(dt, dd);
  };
  const header = response.headers.get("x-session-explained");
  if (header === null) {
    line("Session", "none, or it could not be loaded or saved");
  } else {
    const explained = JSON.parse(header);
    line("Session", explained.origin);
    line("Store", `${explained.store}: ${explained.store_reason}`);
    line("Cookie", `${explained.cookie}: ${explained.cookie_reason}`);
    line("Set-Cookie", explained.set_cookie ?? "none");
  }
  entry.append(title, list);
  const log = element("log");
  log.prepend(entry);
  while (log.children.length > ENTRIES) {
    log.lastElementChild.remove();
  }
}

for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (form.id === "look") {
      send("GET", "/me");
    } else {
      send("POST", form.getAttribute("action"), new URLSearchParams(new FormData(form)));
    }
  });
}

element("inspect").hidden = false;
send("GET", "/me");
