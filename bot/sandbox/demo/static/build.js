"use strict";

/* The only way elements come to be: by name, with attributes from a short list, and with texts that stay texts.
   Nothing here or elsewhere parses markup, so content cannot become any. */

const ATTRIBUTES = new Set([
  "class", "id", "role", "type", "title", "lang", "for", "name", "value", "placeholder", "autocomplete", "tabindex",
  "datetime", "scope", "start", "max", "spellcheck", "enterkeyhint", "maxlength", "disabled", "required", "hidden", "selected",
  "checked",
]);

/** An element. Attributes that are false, null or undefined are left out; `on…` are listeners. */
function build(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) {
      element.addEventListener(key.slice(2), value);
    } else if (value !== false && value !== null && value !== undefined) {
      if (!ATTRIBUTES.has(key) && !key.startsWith("aria-") && !key.startsWith("data-")) {
        throw new Error(`no attribute ${key}`);
      }
      element.setAttribute(key, value === true && !key.startsWith("aria-") ? "" : String(value));
    }
  }
  element.append(...pieces(children));
  return element;
}

/** Nodes and texts out of whatever holds them; what is absent is left out. */
function* pieces(child) {
  if (child instanceof Node || typeof child === "string") {
    yield child;
  } else if (typeof child === "number") {
    yield String(child);
  } else if (child !== null && child !== undefined && child !== false) {
    for (const inner of child) {
      yield* pieces(inner);
    }
  }
}

/** The address if it may be followed from here, else null: nothing but the web. */
function webAddress(text) {
  try {
    const url = new URL(text);
    return ["http:", "https:"].includes(url.protocol) ? url : null;
  } catch {
    return null;
  }
}

/** A link that says where it goes and tells the site nothing; plain words where the address may not be followed. */
function linkTo(address, attributes, ...children) {
  const url = webAddress(address);
  if (url === null) {
    return build("span", attributes, ...children);
  }
  const link = build("a", { title: url.href, ...attributes }, ...children);
  link.href = url.href;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  return link;
}

const ICONS = {
  bell: "M12 3a6 6 0 0 0-6 6v4l-2 3h16l-2-3V9a6 6 0 0 0-6-6Zm-2 15a2 2 0 0 0 4 0",
  "bell-off": "M6 9v4l-2 3h13M8.5 4.2A6 6 0 0 1 18 9v4M10 18a2 2 0 0 0 4 0M3 3l18 18",
  send: "M4 12 20 4l-5 16-3-7-8-1Z",
  slash: "M15 4 9 20",
  hash: "M9 4 7 20M17 4l-2 16M4 9h17M3 15h17",
  megaphone: "M4 10v4h3l8 4V6l-8 4H4Zm14-1a4 4 0 0 1 0 6",
  forum: "M4 5h12v9H9l-4 3v-3H4V5Zm14 4h2v8h-1v2l-3-2h-5",
  at: "M15 12a3 3 0 1 1-6 0 3 3 0 0 1 6 0Zm0 0v1.5a2.5 2.5 0 0 0 5 0V12a8 8 0 1 0-3 6.2",
  eye: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12Zm13 0a3 3 0 1 1-6 0 3 3 0 0 1 6 0Z",
  image: "M4 5h16v14H4V5Zm0 11 5-5 4 4 3-3 4 4M9 9h.01",
  theme: "M12 4a8 8 0 1 0 8 8 6 6 0 0 1-8-8Z",
  restart: "M5 12a7 7 0 1 0 2-5M7 3v4h4",
  sun: "M12 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10ZM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.5 1.5M17.5 17.5 19 19M19 5l-1.5 1.5M6.500 17.500 5 19",
};

/** A small drawing; it is decoration unless it has a label. */
function icon(name, label = null) {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("class", "icon");
  if (label === null) {
    drawing.setAttribute("aria-hidden", "true");
  } else {
    drawing.setAttribute("role", "img");
    drawing.setAttribute("aria-label", label);
  }
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", ICONS[name]);
  drawing.append(path);
  return drawing;
}

/** The round picture of a person, chat or server: its first letter on a colour of its own. */
function avatar(name) {
  const letter = [...name.trim()].find((character) => /[\p{L}\p{N}]/u.test(character)) ?? "?";
  const colour = [...name].reduce((sum, character) => sum + character.codePointAt(0), 0) % 6;
  return build("span", { class: `avatar colour-${colour}`, "aria-hidden": "true" }, letter.toUpperCase());
}

/** When it was, by the show's clock. */
function timeOf(date, zone) {
  const written = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "short", timeZone: zone });
  return build("time", { datetime: date }, written.format(new Date(date)));
}

/** Whether the message made a sound. */
function bell(message) {
  return message.silent ? icon("bell-off", say("silent")) : icon("bell", say("rings"));
}

/** The request that made a message, which `reveal()` fetches when somebody unfolds it. */
function raw(reveal) {
  const text = build("pre", { tabindex: "0" });
  return build("details", {
    class: "raw",
    ontoggle: async (event) => {
      if (event.target.open && text.textContent === "") {
        const request = await reveal();
        text.textContent = request === null ? "" : `${request.method}\n${JSON.stringify(request.body, null, 2)}`;
        text.scrollIntoView({ block: "nearest" });
      }
    },
  }, build("summary", {}, say("raw")), text);
}

/** A place for a picture or a preview, which is never loaded. */
function frame(address, words, note) {
  const url = webAddress(address);
  const host = url === null ? "" : url.host.replace(/^www\./, "");
  return build("figure", { class: "frame" },
    build("div", { class: "frame-picture" }, icon("image"), build("span", {}, note)),
    build("figcaption", {}, linkTo(address, {}, words || host || address), build("small", {}, host)));
}
