"use strict";

/* The phone, the window and what is behind them, drawn from the page's state. */

const talk = {};
const drawn = new WeakMap();
const devices = new WeakMap();
const anchors = new Map();

/** Make the lines to write in anew, as after a change of language. */
function composers() {
  talk.telegram = telegramComposer({
    commands: () => commandsOf("telegram"),
    send: write,
    name: () => page.facts.telegram_bot,
    inquire: async (query) => {
      const found = await act({ do: "inquire", who: actor(placeOf("telegram")), query });
      return (found?.results ?? []).map((result) => ({ ...result, inquiry: found.inquiry }));
    },
    share: ({ inquiry, id }) => act({ do: "share", place: placeOf("telegram").key, inquiry, result: id }),
  });
  talk.discord = new DiscordComposer({
    commands: () => commandsOf("discord"),
    complete: async (command, option, typedText, options) => {
      const place = placeOf("discord");
      const result = await act({
        do: "complete", place: place.key, who: actor(place), command, option, typed: typedText, options,
      });
      return result?.choices ?? [];
    },
    send: slash,
    refuse: () => toast(say("commands_only")),
  });
  node("telegram").replaceChildren();
  node("discord").replaceChildren();
}

function commandsOf(platform) {
  const place = placeOf(platform);
  return place.commands[actor(place)];
}

/** The tabs that choose between phone and window where there is no room for both. */
function drawSwitch() {
  const root = document.documentElement;
  node("switch").setAttribute("aria-label", say("show_platform"));
  const tabs = [["telegram", "Telegram"], ["discord", "Discord"]].map(([platform, name]) => tab({
    id: `tab-${platform}`, controls: platform, selected: root.dataset.platform === platform,
    choose: () => {
      root.dataset.platform = platform;
      draw();
    },
  }, name, badge(page.places.filter((place) => place.platform === platform))));
  refill(node("switch"), ...tabs);
  arrows(node("switch"));
}

function tab({ id, controls, selected, choose }, ...children) {
  return build("button", {
    type: "button", role: "tab", id, "aria-controls": controls, "aria-selected": String(selected),
    tabindex: selected ? "0" : "-1", onclick: choose,
  }, children);
}

/** In a list of tabs the arrow keys move. */
function arrows(list) {
  list.onkeydown = (event) => {
    const tabs = [...list.querySelectorAll("[role=tab]")];
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: tabs.length - 1, ArrowUp: tabs.length - 1 };
    const at = tabs.indexOf(document.activeElement);
    if (at >= 0 && event.key in steps) {
      event.preventDefault();
      const next = tabs[(at + steps[event.key]) % tabs.length];
      next.focus();
      next.click();
    }
  };
}

function visible(place) {
  return place.messages.map((key) => page.messages.get(key))
    .filter((message) => message && (!message.only_for || message.only_for === actor(place)));
}

/** Return the number of the bot's unread messages. */
function badge(places) {
  const count = places.flatMap(visible).filter((message) => message.by_bot && !page.seen.has(message.key)).length;
  return count > 0 && build("span", { class: "badge" }, figure(count));
}

/** Mark the messages of the open place as read. */
function look(log, place) {
  if (log.offsetParent !== null) {
    visible(place).forEach((message) => page.seen.add(message.key));
  }
}

function placeTabs(platform, label, places) {
  const list = build("div", { class: `places ${platform}-places`, role: "tablist", "aria-label": label });
  const face = {
    announcements: "megaphone", general: "hash", forum: "forum", direct: "at",
  };
  list.append(...places.map((place) => tab({
    id: `tab-${place.key}`, controls: `${platform}-log`, selected: page.open[platform] === place.key,
    choose: () => {
      page.open[platform] = place.key;
      if (platform === "discord") {
        talk.discord.reset();
      }
      draw();
    },
  }, platform === "telegram" ? avatar(place.title) : icon(face[place.kind]),
  build("span", { class: "place-name" }, place.title), badge([place]))));
  arrows(list);
  return list;
}

/** Return the head of a place: its subscription, and the actions on the subscription and on the bot's presence. */
function placeHead(place) {
  const [subscription] = place.subscriptions;
  const topics = subscription?.topics.map((topic) => `#${topic}`).join(" ");
  let words = say("not_subscribed");
  if (subscription !== undefined) {
    words = topics ? say("subscribed_to", { topics }) : say("subscribed");
  }
  if (subscription?.state === "paused") {
    words = say("paused");
  }
  const verb = subscription === undefined ? "subscribe" : "unsubscribe";
  const leave = { private: "block", direct: null }[place.kind] ?? (place.platform === "discord" ? "remove_server" : "remove");
  const back = place.kind === "private" ? "unblock" : "add";
  const presence = (present) => () => act({ do: "presence", place: place.key, present });
  return build("div", { class: "place-head" },
    build("div", { class: "place-title" }, build("h2", {}, titleOf(place)), build("p", {}, say(place.kind))),
    build("span", { class: `pill${subscription ? " on" : ""}` }, words),
    build("div", { class: "place-deeds" },
      place.bot_is_in && place.kind !== "forum" && build("button", {
        type: "button", onclick: () => (place.platform === "telegram" ? write(`/${verb}`) : slash(verb)),
      }, say(verb)),
      place.kind !== "direct" && (place.bot_is_in
        ? build("button", { type: "button", class: "danger", onclick: presence(false) }, say(leave))
        : build("button", { type: "button", onclick: presence(true) }, say(back)))));
}

function drawPhone() {
  const place = placeOf("telegram");
  const device = scaffold("telegram", talk.telegram.form);
  look(device.log, place);
  const places = page.places.filter((each) => each.platform === "telegram");
  refill(device.head, placeTabs("telegram", say("chats"), places), placeHead(place));
  drawLog(device.log, place, (message) => drawTelegram(message, {
    zone: page.facts.zone,
    own: !message.by_bot && message.author === actor(place),
    named: place.kind !== "private" && place.kind !== "channel",
    press: (button) => press(message, button),
    command: write,
    inside,
    reveal: () => act({ do: "reveal", message: message.key }),
  }), say("empty_telegram"));
  const { field, menu, submit } = talk.telegram;
  field.placeholder = say(place.kind === "channel" ? "post_here" : "write_here", { bot: page.facts.telegram_bot });
  field.setAttribute("aria-label", `${say("message_to")} – ${place.title}`);
  menu.setAttribute("aria-label", say("commands"));
  submit.setAttribute("aria-label", say("send"));
  bar(device, place, place.kind === "private" ? say("away_private") : say("away"), {
    channel: actor(place) !== "Camille" && say("channel_note"),
  });
}

function drawWindow() {
  const place = placeOf("discord");
  const device = scaffold("discord", talk.discord.form);
  look(device.log, place);
  const places = page.places.filter((each) => each.platform === "discord");
  refill(device.side,
    build("p", { class: "server" }, avatar(place.server ?? places[0].server), build("strong", {}, places[0].server)),
    placeTabs("discord", say("channels"), places));
  refill(device.head, placeHead(place));
  drawLog(device.log, place, (message) => drawDiscord(message, {
    zone: page.facts.zone,
    press: (button) => press(message, button),
    reveal: () => act({ do: "reveal", message: message.key }),
  }), say("empty_discord", { name: titleOf(place) }));
  talk.discord.field.placeholder = say("command_here");
  talk.discord.field.setAttribute("aria-label", `${say("message_to")} – ${titleOf(place)}`);
  talk.discord.list.setAttribute("aria-label", say("commands"));
  talk.discord.submit.setAttribute("aria-label", say("send"));
  bar(device, place, say("away"), { forum: say("forum_note") });
}

/** The parts of a device, made once: so what people write and where they scrolled outlives what happens meanwhile. */
function scaffold(platform, form) {
  const device = node(platform);
  if (device.children.length === 0) {
    const log = build("div", { class: "log", id: `${platform}-log`, role: "log", "aria-live": "off", tabindex: "0" });
    const head = build("div", { class: "head" });
    const side = build("div", { class: "side" });
    const away = build("p", { class: "away", hidden: true });
    device.append(side, build("div", { class: "talk" }, head, log, away, form));
    devices.set(device, { log, head, side, away, form });
  }
  return devices.get(device);
}

/** Show a sentence in place of the input where the bot is absent, or where `closed` has one for this kind of place. */
function bar(device, place, away, closed) {
  const words = place.bot_is_in ? closed[place.kind] : away;
  device.away.textContent = words || "";
  device.away.hidden = !words;
  device.form.hidden = Boolean(words);
}

/** Bring the log in line with the messages; what is drawn already and did not change stays as it is. */
function drawLog(log, place, make, empty) {
  log.setAttribute("aria-label", titleOf(place));
  const style = `${document.documentElement.lang} ${page.who} ${page.session}`;
  const known = new Map([...log.children].map((child) => [child.dataset.key, child]));
  const moved = log.dataset.place !== place.key;
  const messages = visible(place);
  let firstNew = null;
  let asked = false;
  const elements = messages.map((message) => {
    const old = known.get(message.key);
    const was = old && drawn.get(old);
    if (was?.message === message && was.style === style) {
      return old;
    }
    const element = make(message);
    drawn.set(element, { message, style });
    if (old === undefined) {
      firstNew ??= message.key;
      asked ||= !message.by_bot || Boolean(message.asked);
    } else {
      keepingFocus(old, () => {
        old.replaceWith(element);
        return element;
      });
    }
    return element;
  });
  if (elements.length === 0) {
    elements.push(build("p", { class: "empty" }, empty));
  }
  elements.forEach((element, index) => {
    if (log.children[index] !== element) {
      log.insertBefore(element, log.children[index] ?? null);
    }
  });
  while (log.children.length > elements.length) {
    log.lastElementChild.remove();
  }
  posts(elements, messages);
  log.dataset.place = place.key;
  scroll(log, firstNew, { moved, asked });
}

/** In a forum the first message of each post has its title above. */
function posts(elements, messages) {
  messages.forEach((message, index) => {
    const opens = message.post && message.post !== messages[index - 1]?.post;
    elements[index].dataset.post = opens ? message.post : "";
  });
}

/** Show what is new from its beginning; what follows shortly, such as an answer, comes below and moves nothing away,
    unless somebody `asked` for it. */
function scroll(log, firstNew, { moved, asked }) {
  if (moved) {
    anchors.delete(log);
    log.scrollTop = log.scrollHeight;
    return;
  }
  if (firstNew === null) {
    return;
  }
  const last = anchors.get(log);
  const follows = last !== undefined && Date.now() < last.until && !asked;
  const key = follows ? last.key : firstNew;
  const element = [...log.children].find((child) => child.dataset.key === key);
  // Because people may have scrolled since, a message that follows moves the log only if they have not.
  if (!follows || Math.abs(log.scrollTop - last.top) < 2) {
    log.scrollTop = element.offsetTop - 12;
    anchors.set(log, { key, top: log.scrollTop, until: follows ? last.until : Date.now() + 2500 });
  }
}

/** Show the mistakes in the content, above all else. */
function drawMistakes() {
  const { problems } = page.facts;
  node("mistakes").hidden = problems.length === 0;
  refill(node("mistakes"), build("h2", {}, say("problems")),
    build("ul", { role: "alert" }, problems.map((problem) => build("li", {}, problem))));
}

// Backstage

function drawBackstage() {
  const { content, episode } = page.facts;
  const folder = content.folder;
  const amount = ["no_episodes", "episode"][content.episodes] ?? "episodes";
  const differences = ["wire", "look", "media", "speed", "discord"].map((name) => build("li", {}, say(`difference_${name}`)));
  node("backstage").replaceChildren(
    build("h2", {}, say("backstage")),
    build("div", { class: "cards" },
      build("section", { class: "card" }, build("h3", {}, say("sent")), sentTable()),
      build("section", { class: "card" }, build("h3", {}, say("content")),
        build("p", {}, say(amount, { count: figure(content.episodes), folder })),
        episode && build("p", {}, say("newest", episode))),
      build("section", { class: "card" }, build("h3", {}, say("differences")), build("ul", {}, differences))));
}

function sentTable() {
  const rows = page.places.map((place) => [place, visible(place).filter((message) => message.by_bot)])
    .filter(([, messages]) => messages.length > 0);
  if (rows.length === 0) {
    return build("p", {}, say("nothing_sent"));
  }
  const head = ["place", "messages", "ringing", "edits", "longest"].map((key) => build("th", { scope: "col" }, say(key)));
  return build("div", { class: "table" }, build("table", {}, build("thead", {}, build("tr", {}, head)),
    build("tbody", {}, rows.map(([place, messages]) => sentRow(place, messages)))));
}

function sentRow(place, messages) {
  const longest = messages.reduce((most, message) => (message.used > most.used ? message : most));
  const used = say("used_of", { used: figure(longest.used), limit: figure(longest.limit) });
  return build("tr", {},
    build("th", { scope: "row" }, titleOf(place)),
    build("td", {}, figure(messages.length)),
    build("td", {}, figure(messages.filter((message) => !message.silent).length)),
    build("td", {}, figure(messages.filter((message) => message.edited).length)),
    build("td", {}, build("meter", { max: longest.limit, value: longest.used, "aria-label": used }),
      build("small", { title: used }, `${figure(longest.used)} / ${figure(longest.limit)}`)));
}
