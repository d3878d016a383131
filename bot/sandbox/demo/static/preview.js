"use strict";

/* A preview to send to a colleague: every message of a push, drawn as the demo draws it, with its length. */

const drawPlain = ({ body }) => build("pre", {}, JSON.stringify(body, null, 2));

function previewColumn({ name, platform, messages }) {
  const draw = { telegram: drawTelegram, discord: drawDiscord }[platform] ?? drawPlain;
  return build("section", { class: `column ${platform}`, "aria-label": name },
    build("h2", {}, name),
    messages.map((message, index) => build("div", { class: "sheet" },
      build("p", { class: "measure" },
        build("span", {}, say("message_number", { number: index + 1, count: messages.length })), bell(message),
        build("meter", { max: message.limit, value: message.used, "aria-hidden": "true" }),
        build("span", {}, say("used_of", { used: figure(message.used), limit: figure(message.limit) }))),
      build("div", { class: "canvas" }, draw(message, {})))));
}

const content = JSON.parse(document.getElementById("content").textContent);
document.getElementById("preview").append(
  build("header", {},
    build("h1", {}, content.title),
    build("p", {}, content.subtitle),
    build("p", {}, say("preview_intro"), " ", say("preview_note"))),
  build("div", { class: "columns" }, content.platforms.map(previewColumn)));
