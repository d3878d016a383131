"use strict";

/* Telegram: a text with entities, a preview of a link, rows of buttons. Offsets count UTF-16 units, as JavaScript does.
   https://core.telegram.org/bots/api#messageentity */

const BLOCKS = new Set(["pre", "blockquote", "expandable_blockquote"]);
const TELEGRAM_ELEMENTS = {
  bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code", pre: "pre",
  blockquote: "blockquote",
};
/* Entities that the server finds itself in a text: addresses, hashtags, commands. */
const FOUND = /(?<url>https?:\/\/[^\s<>]+[^\s<>.,;:!?)»])|(?<![\p{L}\p{N}_&/])(?<hashtag>#[\p{L}\p{N}_]+)|(?<![\p{L}\p{N}_/<>])(?<command>\/[a-z0-9_]{1,32})(?![\p{L}\p{N}_/])/gu;

/** A message as a bubble. `press(label)` and `command(text)` are what buttons and commands in the text do; `inside(url)`
    is what a link does that stays in the app, null for one that leaves it. */
function drawTelegram(message, {
  zone, own = false, named = false, press = null, command = null, inside = () => null, reveal = null,
}) {
  const body = message.body;
  const card = previewCard(body);
  const text = body.rich
    ? build("div", { class: "tg-rich" }, body.rich.map(richNode))
    : build("div", { class: "tg-text" }, body.audio
      ? `🎵 ${body.audio.title} · ${body.audio.performer}`
      : telegramText(body.text ?? "", body.entities ?? [], { command, inside }));
  const above = body.link_preview_options?.show_above_text === true;
  const bubble = build("div", { class: "tg-bubble" },
    (named || body.via_bot) && build("div", { class: "tg-author" },
      message.author, body.via_bot && build("small", {}, ` via @${body.via_bot.username}`)),
    above && card, text, !above && card,
    build("div", { class: "tg-meta" },
      message.edited && build("span", {}, say("edited")),
      message.date && timeOf(message.date, zone),
      message.by_bot && bell(message)));
  const rows = (body.reply_markup?.inline_keyboard ?? []).map((row) =>
    build("div", { class: "tg-row" }, row.map((button) => telegramButton(button, press, inside))));
  return build("article", {
    class: `tg-message${own ? " tg-own" : ""}`, "data-key": message.key, "aria-label": message.author,
  }, bubble, rows.length > 0 && build("div", { class: "tg-keyboard" }, rows), message.by_bot && reveal && raw(reveal));
}

/** A link, or what the app does in its place. */
function telegramLink(address, inside, name, ...words) {
  const url = webAddress(address);
  const follow = url && inside(url);
  return follow
    ? build("button", { type: "button", class: name ?? "tg-found", title: url.href, onclick: follow }, words)
    : linkTo(address, { class: name && `${name} tg-link` }, words);
}

function telegramButton(button, press, inside) {
  if ("url" in button) {
    return telegramLink(button.url, inside, "tg-button", button.text);
  }
  return build("button", {
    type: "button", class: "tg-button", disabled: press === null || !("callback_data" in button),
    onclick: () => press(button.text),
  }, button.text);
}

/** The text with its entities, however they nest or overlap. */
function telegramText(text, entities, actions) {
  const known = entities.filter((entity) => entity.length > 0).map((entity) => ({
    ...entity, start: entity.offset, end: entity.offset + entity.length,
  }));
  known.sort((a, b) => BLOCKS.has(b.type) - BLOCKS.has(a.type) || a.start - b.start || b.end - a.end);
  const cuts = [...new Set([0, text.length, ...known.flatMap(({ start, end }) => [start, end])])];
  cuts.sort((a, b) => a - b);
  const root = document.createDocumentFragment();
  let open = [];
  let closedBlock = false;
  for (let index = 0; index + 1 < cuts.length; index += 1) {
    const [start, end] = [cuts[index], cuts[index + 1]];
    const active = known.filter((entity) => entity.start <= start && entity.end >= end);
    let same = 0;
    while (same < open.length && open[same].entity === active[same]) {
      same += 1;
    }
    closedBlock = open.slice(same).some(({ entity }) => BLOCKS.has(entity.type));
    open = open.slice(0, same);
    for (const entity of active.slice(same)) {
      const element = telegramElement(entity, text, actions.inside);
      (open.at(-1)?.element ?? root).append(element);
      open.push({ entity, element });
    }
    const inside = open.at(-1)?.element ?? root;
    // A block brings its own line break.
    const piece = text.slice(start, end);
    const shown = closedBlock && piece.startsWith("\n") ? piece.slice(1) : piece;
    const plain = !active.some(({ type }) => ["text_link", "url", "code", "pre", "bot_command"].includes(type));
    inside.append(...(plain ? found(shown, actions) : [shown]));
  }
  return root;
}

/* The tags of rich messages as elements; any other is its content. https://core.telegram.org/bots/api#rich-messages */
const RICH_ELEMENTS = {
  b: "strong", strong: "strong", i: "em", em: "em", u: "u", ins: "u", s: "s", strike: "s", del: "s", code: "code",
  mark: "mark", sub: "sub", sup: "sup", p: "p", h1: "h1", h2: "h2", h3: "h3", h4: "h4", h5: "h5", h6: "h6",
  footer: "footer", pre: "pre", ul: "ul", ol: "ol", li: "li", blockquote: "blockquote", cite: "cite", aside: "aside",
  details: "details", summary: "summary", figure: "div", figcaption: "p", br: "br", hr: "hr",
};

/** A text, or an element of a rich message with what is in it. */
function richNode(node) {
  if (typeof node === "string") {
    return node;
  }
  const children = node.children.map(richNode);
  switch (node.tag) {
    case "a":
      return linkTo(node.href, {}, children);
    case "img":
      return frame(node.src, null, say("picture_note"));
    case "ol":
      return build("ol", { start: node.start }, children);
    default:
      return build(RICH_ELEMENTS[node.tag] ?? "span", {}, children);
  }
}

function telegramElement(entity, text, inside) {
  const words = text.slice(entity.start, entity.end);
  switch (entity.type) {
    case "text_link":
      return telegramLink(entity.url, inside, null);
    case "url":
      return linkTo(words.includes("://") ? words : `https://${words}`, {});
    case "expandable_blockquote":
      return build("blockquote", { class: "tg-fold", tabindex: "0" });
    case "spoiler":
      return build("span", { class: "spoiler", tabindex: "0" });
    case "bot_command": case "hashtag": case "cashtag": case "mention": case "text_mention": case "email":
      return build("span", { class: "tg-found" });
    default:
      return build(TELEGRAM_ELEMENTS[entity.type] ?? "span");
  }
}

/** A plain text with what Telegram's server finds in it. */
function* found(text, { command, inside }) {
  let from = 0;
  for (const match of text.matchAll(FOUND)) {
    yield text.slice(from, match.index);
    const { url, command: typed } = match.groups;
    if (url !== undefined) {
      yield telegramLink(url, inside, null, url);
    } else if (typed !== undefined && command !== null) {
      yield build("button", { type: "button", class: "tg-found", onclick: () => command(typed) }, typed);
    } else {
      yield build("span", { class: "tg-found" }, match[0]);
    }
    from = match.index + match[0].length;
  }
  yield text.slice(from);
}

/** The card of the link that the message previews, empty; null where it previews none. */
function previewCard(body) {
  const options = body.link_preview_options ?? {};
  const link = (body.entities ?? []).find((entity) => entity.type === "text_link" || entity.type === "url");
  const first = link && (link.url ?? (body.text ?? "").substr(link.offset, link.length));
  const address = options.is_disabled ? null : options.url ?? first;
  if (!address || webAddress(address) === null) {
    return null;
  }
  const url = webAddress(address);
  const size = options.prefer_small_media ? " tg-small" : "";
  return build("div", { class: `tg-card${size}` },
    build("div", { class: "tg-site" }, url.host.replace(/^www\./, "")),
    linkTo(address, {}, `${url.host}${url.pathname}`.replace(/\/$/, "")),
    build("div", { class: "frame-picture" }, icon("image"), build("span", {}, say("preview_card"))));
}
