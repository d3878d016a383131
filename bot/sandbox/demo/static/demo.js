"use strict";

/* The page of `recap demo`: draws the state that the server streams, and sends back what people do. */

const page = {
  facts: null, places: [], messages: new Map(), who: "Camille", session: null, ahead: 0, events: null,
  open: { telegram: "telegram-private", discord: "discord-announcements" }, seen: new Set(), fresh: true,
  pressed: false, due: false,
};
const node = (id) => document.getElementById(id);
const placeOf = (platform) => page.places.find((place) => place.key === page.open[platform]);
/* In private there is only one person. */
const actor = (place) => (["private", "direct"].includes(place.kind) ? "Camille" : page.who);
const titleOf = (place) => (place.platform === "discord" && place.kind !== "direct" ? `#${place.title}` : place.title);

// Actions

/** Return the result of an action, null if it failed. */
async function act(action) {
  const answer = await fetch("do", {
    method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...action, language: document.documentElement.lang }),
  }).catch(() => null);
  if (answer === null) {
    stopped(true);
  } else if (answer.ok) {
    return answer.json();
  } else {
    toast(say(answer.status === 504 ? "no_answer" : "failed"));
  }
  return null;
}

/** Show that the demo has stopped, or that it is back. */
function stopped(is) {
  document.documentElement.toggleAttribute("data-stopped", is);
  node("stopped").textContent = is ? say("lost") : "";
}

function toast(words) {
  const shown = build("div", { class: "toast" }, words);
  // The same again takes the place of the first.
  [...node("toasts").children].filter((other) => other.textContent === words).forEach((other) => other.remove());
  node("toasts").append(shown);
  setTimeout(() => shown.remove(), 7000);
}

async function press(message, button) {
  const place = page.places.find((candidate) => candidate.key === message.key.split("/")[0]);
  const result = await act({ do: "press", message: message.key, who: actor(place), button });
  if (result?.notice) {
    toast(result.notice);
  }
}

function write(text) {
  const place = placeOf("telegram");
  return act({ do: "say", place: place.key, who: actor(place), text });
}

/** Act on a link as the app does: open the bot with the link's payload, or share the link with a group. */
function inside(url) {
  const [start, shared] = [url.searchParams.get("start"), url.searchParams.get("url")];
  const at = (key, text) => () => {
    page.open.telegram = key;
    write(text);
    draw();
  };
  if (url.host === "t.me" && url.pathname === `/${page.facts.telegram_bot}` && start) {
    return at("telegram-private", `/start ${start}`);
  }
  if (url.host === "t.me" && url.pathname === "/share/url" && shared) {
    return at("telegram-group", [url.searchParams.get("text"), shared].filter(Boolean).join("\n"));
  }
  return null;
}

function slash(command, options = {}) {
  const place = placeOf("discord");
  return act({ do: "slash", place: place.key, who: actor(place), command, options });
}

async function advance() {
  const moment = momentOf(page.facts.next_push);
  anchors.clear();
  const result = await act({ do: "advance" });
  if (result !== null) {
    toast(say(result.episode === null ? "pushed_nothing" : "pushed", { ...moment, number: result.episode }));
  }
}

async function restart() {
  if (await act({ do: "restart" }) !== null) {
    toast(say("restarted"));
  }
}

function setLanguage(language) {
  document.documentElement.lang = language;
  remember("language", language);
  composers();
  draw();
  listen();
}

function setTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = document.documentElement.dataset.theme ?? (dark ? "dark" : "light");
  document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
  remember("theme", document.documentElement.dataset.theme);
}

/** Keep a choice for this tab and for the next visit, where the browser allows it. */
function remember(key, value, stores = ["sessionStorage", "localStorage"]) {
  try {
    stores.forEach((store) => window[store].setItem(`recap-${key}`, value));
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}

function remembered(key) {
  try {
    return sessionStorage.getItem(`recap-${key}`) ?? localStorage.getItem(`recap-${key}`);
  } catch {
    return null;
  }
}

// The head of the page

function momentOf(date) {
  const written = (options) =>
    new Intl.DateTimeFormat(document.documentElement.lang, { timeZone: page.facts.zone, ...options })
      .format(new Date(date));
  return { day: written({ weekday: "long" }), time: written({ timeStyle: "short" }) };
}

function drawHead() {
  const { facts } = page;
  const next = facts.next_push && momentOf(facts.next_push);
  const again = next && momentOf(new Date(Date.now() + page.ahead)).day === next.day;
  const language = document.documentElement.lang;
  document.title = `${facts.show} – ${say("app")}`;
  const people = [["Camille", "admin"], ["Sacha", "member"]].map(([name, role]) => build("button", {
    type: "button", "aria-pressed": String(page.who === name),
    onclick: () => {
      page.who = name;
      draw();
    },
  }, `${name} `, build("small", {}, say(role))));
  const languages = ["fr", "en"].map((code) => build("button", {
    type: "button", "aria-pressed": String(code === language), lang: code, onclick: () => setLanguage(code),
  }, code.toUpperCase()));
  refill(node("sky"),
    build("div", { class: "brand" },
      build("span", { class: "sun", "aria-hidden": "true" }),
      build("div", {}, build("h1", {}, facts.show), build("p", {}, say("tagline")))),
    build("div", { class: "moment", role: "timer", "aria-label": say("clock") },
      build("span", { id: "clock-day" }), build("span", { id: "clock-time" })),
    build("div", { class: "deeds" },
      next && build("button", {
        type: "button", id: "monday", class: "monday", title: say("monday_hint"), onclick: advance,
      }, icon("sun"), build("span", {}, say(again ? "monday_again" : "monday", next))),
      build("button", {
        type: "button", id: "restart", class: "quiet", title: say("restart_hint"), onclick: restart,
      }, icon("restart"), build("span", {}, say("restart")))),
    build("div", { class: "tools" },
      build("div", { class: "segments", role: "group", "aria-label": say("who"), id: "who" }, people),
      build("div", { class: "segments", role: "group", "aria-label": say("language") }, languages),
      build("button", { type: "button", id: "theme", class: "round", "aria-label": say("theme"), onclick: setTheme },
        icon("theme"))));
  drawClock();
}

function drawClock() {
  if (page.facts === null || "stopped" in document.documentElement.dataset) {
    return;
  }
  const now = new Date(Date.now() + page.ahead);
  const written = (options) =>
    new Intl.DateTimeFormat(document.documentElement.lang, { timeZone: page.facts.zone, ...options }).format(now);
  node("clock-day").textContent = written({ dateStyle: "full" });
  node("clock-time").textContent = written({ timeStyle: "medium" });
  const hour = Number(new Intl.DateTimeFormat("en", {
    timeZone: page.facts.zone, hour: "numeric", hourCycle: "h23",
  }).format(now));
  node("sky").dataset.hour = hour >= 6 && hour < 18 ? "day" : "night";
}

/** Replace what is inside, and leave the focus on the control that had it. */
function refill(parent, ...children) {
  keepingFocus(parent, () => {
    parent.replaceChildren(...pieces(children));
    return parent;
  });
}

/** Change an element, or put another in its place, and leave the focus where it was inside. */
function keepingFocus(parent, change) {
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const path = [];
  for (let at = focused; at !== null && at !== parent; at = at.parentElement) {
    path.unshift([...at.parentElement.children].indexOf(at));
  }
  const changed = change();
  if (focused !== null) {
    path.reduce((at, index) => at?.children[index], changed)?.focus({ preventScroll: true });
  }
}

// The stream

function receive({ facts, places, messages }) {
  if (facts.session !== page.session) {
    page.session = facts.session;
    page.messages.clear();
    page.seen.clear();
    page.fresh = true;
  }
  page.facts = facts;
  page.ahead = Date.parse(facts.now) - Date.now();
  page.places = places;
  for (const [key, message] of Object.entries(messages)) {
    if (!page.messages.has(key) && message.by_bot && !page.fresh) {
      announce(key, message);
    }
    page.messages.set(key, message);
  }
  draw();
  page.fresh = false;
}

function announce(key, message) {
  const place = page.places.find((candidate) => candidate.key === key.split("/")[0]);
  if (!message.only_for || message.only_for === actor(place)) {
    node("news").textContent = say("new_message", { place: titleOf(place) });
  }
}

/** Draw everything, though not before a pointer that is down is released: a control that is drawn anew in between
    would lose the click. */
function draw() {
  page.due = page.pressed;
  if (page.facts === null || page.pressed) {
    return;
  }
  drawHead();
  drawMistakes();
  drawPhone();
  drawWindow();
  drawSwitch();
  drawBackstage();
}

/** Draw what had to wait. The click itself comes first, right behind the release. */
function release() {
  page.pressed = false;
  setTimeout(() => page.due && draw());
}

function begin() {
  const root = document.documentElement;
  const language = remembered("language");
  if (language === "fr" || language === "en") {
    root.lang = language;
  }
  // Because another tab may choose another language, this one keeps its own over a reload.
  remember("language", root.lang, ["sessionStorage"]);
  const theme = remembered("theme");
  if (theme === "light" || theme === "dark") {
    root.dataset.theme = theme;
  }
  root.dataset.platform = "telegram";
  composers();
  document.addEventListener("pointerdown", (event) => {
    page.pressed = event.button === 0;
  });
  ["pointerup", "pointercancel"].forEach((name) => document.addEventListener(name, release));
  window.addEventListener("blur", release);
  setInterval(drawClock, 1000);
  listen();
}

/** Follow the demo in the language of this page, and try again for ever while it is stopped. */
function listen() {
  page.events?.close();
  const events = new EventSource(`events?language=${document.documentElement.lang}`);
  page.events = events;
  events.onopen = () => {
    page.session = null;
    stopped(false);
  };
  events.onmessage = (event) => receive(JSON.parse(event.data));
  events.onerror = () => {
    stopped(true);
    // Because the browser gives up after any answer but a stream, the page goes on.
    if (events.readyState === EventSource.CLOSED) {
      setTimeout(() => page.events === events && listen(), 2000);
    }
  };
}

document.addEventListener("DOMContentLoaded", begin);
