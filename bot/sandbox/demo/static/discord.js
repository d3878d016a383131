"use strict";

/* Discord: Components V2 with texts in its markdown, of which this reads what bots use.
   https://discord.com/developers/docs/components/reference */

const ROW = 1, BUTTON = 2, TEXT = 10, GALLERY = 12, SEPARATOR = 14;
const CONTAINER = 17;
const BUTTON_STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link" };
const LOADING = 1 << 7;

/** A message. `press(customId)` runs when a button is pressed. */
function drawDiscord(message, { zone, press = null, reveal = null }) {
  const body = message.body;
  const parts = (body.components ?? []).map((component) => discordComponent(component, press));
  const text = body.content ? build("div", { class: "dc-text" }, discordMarkdown(body.content)) : null;
  const thinking = (body.flags & LOADING) !== 0;
  return build("article", {
    class: `dc-message${message.only_for ? " dc-ephemeral" : ""}`, "data-key": message.key,
    "aria-label": message.author,
  },
  message.asked && build("div", { class: "dc-asked" }, avatar(message.asked.who),
    say("used_command", message.asked), " ", build("code", {}, `/${message.asked.command}`)),
  avatar(message.author),
  build("div", { class: "dc-body" },
    build("div", { class: "dc-head" },
      build("strong", {}, message.author),
      message.by_bot && build("span", { class: "dc-badge" }, say("app_badge")),
      message.date && timeOf(message.date, zone),
      message.by_bot && bell(message),
      message.edited && build("small", {}, `(${say("edited")})`),
      message.published && icon("megaphone", say("published"))),
    thinking ? build("div", { class: "dc-thinking" }, say("thinking")) : [text, ...parts],
    message.only_for && build("div", { class: "dc-only" }, icon("eye"), say("only_you")),
    reveal && raw(reveal)));
}

function discordComponent(component, press) {
  const inner = (list) => (list ?? []).map((child) => discordComponent(child, press));
  switch (component.type) {
    case CONTAINER: {
      const box = build("div", { class: "dc-container" }, inner(component.components));
      if (Number.isInteger(component.accent_color)) {
        box.style.borderInlineStartColor = `#${component.accent_color.toString(16).padStart(6, "0")}`;
      }
      return box;
    }
    case TEXT:
      return build("div", { class: "dc-text" }, discordMarkdown(component.content));
    case SEPARATOR:
      return build("hr", { class: component.divider === false ? "dc-space" : "dc-line" });
    case GALLERY:
      return build("div", { class: "dc-gallery" },
        component.items.map((item) => frame(item.media.url, item.description, say("picture_note"))));
    case ROW:
      return build("div", { class: "dc-row" }, inner(component.components));
    case BUTTON:
      return discordButton(component, press);
    default:
      return build("div", { class: "dc-unknown" }, inner(component.components));
  }
}

function discordButton(button, press) {
  const style = BUTTON_STYLES[button.style] ?? "secondary";
  const words = [button.emoji?.name, button.label].filter(Boolean).join(" ");
  if (button.url) {
    return linkTo(button.url, { class: "dc-button dc-link" }, words);
  }
  return build("button", {
    type: "button", class: `dc-button dc-${style}`, disabled: press === null || button.disabled === true,
    onclick: () => press(button.custom_id),
  }, words);
}

/* Its markdown: blocks line by line, then styles from the outside in. */

const FENCE = /^```(?:[\w+-]*\n)?([\s\S]+?)\n?```/;
const ITEM = /^( *)(?:([-*])|(\d{1,9})\.) +(.*)$/;
const LINE_MARKS = [[/^# +(\S.*)$/, "h1"], [/^## +(\S.*)$/, "h2"], [/^### +(\S.*)$/, "h3"], [/^-# +(\S.*)$/, "small"]];

function discordMarkdown(text) {
  const root = document.createDocumentFragment();
  let rest = text;
  let plain = [];
  const flush = () => {
    if (plain.length > 0) {
      root.append(build("p", {}, inline(plain.join("\n"))));
      plain = [];
    }
  };
  const block = (element) => {
    // One blank line around a block is the block's own space.
    if (plain.at(-1) === "") {
      plain.pop();
    }
    flush();
    root.append(element);
  };
  while (rest !== "") {
    const fence = FENCE.exec(rest);
    if (fence !== null) {
      block(build("pre", {}, build("code", {}, fence[1])));
      rest = rest.slice(fence[0].length).replace(/^\n/, "");
      continue;
    }
    const line = rest.split("\n", 1)[0];
    const mark = LINE_MARKS.map(([pattern, name]) => [pattern.exec(line), name]).find(([match]) => match !== null);
    if (mark !== undefined) {
      block(build(mark[1], { class: mark[1] === "small" ? "dc-small" : null }, inline(heading(mark))));
    } else if (/^> /.test(line)) {
      const [quoted, after] = take(rest, (next) => /^> ?/.test(next));
      block(build("blockquote", {}, discordMarkdown(quoted.map((next) => next.replace(/^> ?/, "")).join("\n"))));
      rest = after;
      continue;
    } else if (ITEM.test(line)) {
      const [items, after] = take(rest, (next) => ITEM.test(next) || next.startsWith("  "));
      block(listing(items));
      rest = after;
      continue;
    } else if (line !== "" || plain.length > 0) {
      plain.push(line);
    }
    rest = rest.slice(line.length + 1);
  }
  flush();
  return root;
}

/** Number signs at the end of a heading's line belong to its mark. */
function heading([match, name]) {
  return name === "small" ? match[1] : match[1].replace(/\s*\\?#+$/, "");
}

/** The lines from the start for which the condition holds, and the text after them. */
function take(text, condition) {
  const lines = text.split("\n");
  const end = lines.findIndex((line) => !condition(line));
  const count = end === -1 ? lines.length : end;
  return [lines.slice(0, count), lines.slice(count).join("\n")];
}

/** A list of lines, with lists inside of items where they are indented. */
function listing(lines) {
  const [, indent, bullet, number] = ITEM.exec(lines[0]);
  const list = bullet ? build("ul") : build("ol", { start: number });
  let item = [];
  let width = 0;
  const close = () => {
    if (item.length > 0) {
      list.append(build("li", {}, discordMarkdown(item.join("\n"))));
    }
  };
  for (const line of lines) {
    const match = ITEM.exec(line);
    if (match !== null && match[1].length <= indent.length) {
      close();
      item = [match[4]];
      width = line.length - match[4].length;
    } else {
      item.push(line.slice(Math.min(/^ */.exec(line)[0].length, width)));
    }
  }
  close();
  return list;
}

const INLINE = [
  [/\\([^A-Za-z0-9\s])/y, (match) => match[1]],
  [/(`+)(?!`)([\s\S]*?[^`])\1(?!`)/y, (match) => build("code", {}, match[2].replace(/^ (?=`)|(?<=`) $/g, ""))],
  [/\[((?:[^[\]\\]|\\.|\[[^[\]]*\])+)\]\(<?((?:[^\s()\\<>]|\([^\s()]*\))+)>?\)/y,
    (match) => (webAddress(match[2]) ? linkTo(match[2], {}, inline(match[1], false)) : match[0])],
  [/<(https?:\/\/[^\s<>]+)>/y, (match) => linkTo(match[1], {}, match[1])],
  [/https?:\/\/[^\s<>]+[^\s<>.,;:!?)»]/y, (match) => linkTo(match[0], {}, match[0])],
  [/<t:(-?\d{1,13})(?::[tTdDfFR])?>/y, (match) => moment(match)],
  [/<(?:@[!&]?|#)\d+>|<\/[^:<>]+:\d+>|@everyone|@here/y, (match) => build("span", { class: "dc-mention" }, match[0])],
  [/\*\*((?:\\.|[^\\])+?)\*\*(?!\*)/sy, (match) => build("strong", {}, inline(match[1]))],
  [/__((?:\\.|[^\\])+?)__(?!_)/sy, (match) => build("u", {}, inline(match[1]))],
  [/\*(?!\s)((?:\\.|\*\*|[^*\\])+?)(?<!\s)\*(?!\*)/sy, (match) => build("em", {}, inline(match[1]))],
  [/_((?:\\.|__|[^_\\])+?)_(?![A-Za-z0-9_])/sy, (match) => build("em", {}, inline(match[1]))],
  [/~~(.+?)~~(?!_)/sy, (match) => build("s", {}, inline(match[1]))],
  [/\|\|(.+?)\|\|/sy, (match) => build("span", { class: "spoiler", tabindex: "0" }, inline(match[1]))],
];

/** A text with its styles; in the label of a link there are no links. */
function* inline(text, links = true) {
  let plain = "";
  let place = 0;
  while (place < text.length) {
    const [match, make] = rule(text, place, links);
    if (match === null) {
      plain += text[place];
      place += 1;
      continue;
    }
    const made = make(match);
    if (typeof made === "string") {
      plain += made;
    } else {
      yield plain;
      plain = "";
      yield made;
    }
    place += match[0].length;
  }
  yield plain;
}

function rule(text, place, links) {
  for (const [pattern, make] of INLINE) {
    pattern.lastIndex = place;
    const match = pattern.exec(text);
    if (match !== null && (links || !match[0].includes("://"))) {
      return [match, make];
    }
  }
  return [null, null];
}

function moment(match) {
  const date = new Date(Number(match[1]) * 1000);
  if (Number.isNaN(date.getTime())) {
    return match[0];
  }
  const written = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "full", timeStyle: "short" });
  return build("time", { datetime: date.toISOString(), class: "dc-mention" }, written.format(date));
}
