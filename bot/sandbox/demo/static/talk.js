"use strict";

/* How people talk to the bot: a line to write in, with the list of commands that both apps offer, and Discord's fields
   for the options of a command. */

/** A list of choices under a field, moved through with the arrow keys; `choose(item)` is told which was taken. */
class Choices {
  constructor(field, list, choose) {
    this.field = field;
    this.list = list;
    this.choose = choose;
    this.items = [];
    this.active = -1;
    list.setAttribute("role", "listbox");
    field.setAttribute("role", "combobox");
    field.setAttribute("aria-autocomplete", "list");
    field.setAttribute("aria-controls", list.id);
    field.setAttribute("aria-expanded", "false");
    field.addEventListener("keydown", (event) => this.onKey(event));
    field.addEventListener("blur", () => this.show([]));
  }

  /** Offer these, each with a `label` and perhaps a `hint`, below it where that is `wide`; none closes the list. */
  show(items) {
    this.items = items;
    this.list.hidden = items.length === 0;
    this.field.setAttribute("aria-expanded", String(items.length > 0));
    this.list.replaceChildren(...items.map((item, index) => build("li", {
      id: `${this.list.id}-${index}`, role: "option", class: item.wide && "wide",
      // Before the field loses its focus, and the list with it.
      onmousedown: (event) => {
        event.preventDefault();
        this.take(index);
      },
    }, build("span", {}, item.label), item.hint && build("small", {}, item.hint))));
    this.point(items.length > 0 ? 0 : -1);
  }

  point(index) {
    this.active = index;
    [...this.list.children].forEach((child, place) => child.setAttribute("aria-selected", String(place === index)));
    if (index < 0) {
      this.field.removeAttribute("aria-activedescendant");
    } else {
      this.field.setAttribute("aria-activedescendant", `${this.list.id}-${index}`);
      this.list.children[index].scrollIntoView({ block: "nearest" });
    }
  }

  take(index) {
    const item = this.items[index];
    this.show([]);
    this.choose(item);
  }

  onKey(event) {
    if (this.items.length === 0 || event.isComposing) {
      return;
    }
    const count = this.items.length;
    const steps = { ArrowDown: 1, ArrowUp: count - 1 };
    if (event.key in steps) {
      this.point((this.active + steps[event.key]) % count);
    } else if (event.key === "Enter" || event.key === "Tab") {
      this.take(this.active);
    } else if (event.key === "Escape") {
      this.show([]);
    } else {
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}

/** The line at the bottom of the phone. `commands()` is the menu, `send(text)` says something. After the bot's name
    `inquire(query)` asks it for results, and `share(result)` sends one. */
function telegramComposer({ commands, send, name, inquire, share }) {
  const field = build("input", {
    id: "tg-field", type: "text", autocomplete: "off", enterkeyhint: "send", maxlength: 4096, spellcheck: "false",
  });
  const list = build("ul", { id: "tg-commands", class: "choices", hidden: true });
  const menu = build("button", { type: "button", class: "round", id: "tg-menu" }, icon("slash"));
  const submit = build("button", { type: "submit", class: "round tg-send" }, icon("send"));
  const say_ = async (text) => {
    field.value = "";
    // Words that did not arrive stand in the line again.
    if (await send(text) === null && field.value === "") {
      field.value = text;
    }
  };
  const choices = new Choices(field, list, (item) => {
    if (item.result === undefined) {
      say_(item.label);
    } else {
      field.value = "";
      share(item.result);
    }
  });
  const offer = async () => {
    const typed = field.value;
    const asked = `@${name()} `;
    if (typed.startsWith(asked)) {
      const results = await inquire(typed.slice(asked.length));
      // Because a later input asks again, this answer is dropped.
      if (field.value === typed) {
        choices.show(results.map((result) => ({ label: result.title, hint: result.description, wide: true, result })));
      }
      return;
    }
    const open = typed.startsWith("/") && !typed.includes(" ");
    const fitting = open ? commands().filter((entry) => `/${entry.command}`.startsWith(typed.toLowerCase())) : [];
    // A command typed in full needs no list: Enter sends it.
    const done = fitting.length === 1 && `/${fitting[0].command}` === typed;
    choices.show(done ? [] : fitting.map((entry) => ({ label: `/${entry.command}`, hint: entry.description })));
  };
  field.addEventListener("input", offer);
  menu.addEventListener("click", () => {
    field.value = "/";
    field.focus();
    offer();
  });
  const form = build("form", {
    class: "tg-composer",
    onsubmit: (event) => {
      event.preventDefault();
      if (field.value.trim() !== "") {
        say_(field.value.trim());
      }
    },
  }, list, menu, field, submit);
  return { form, field, menu, submit };
}

/* Languages of Discord's app. */
const LOCALES = { fr: "fr", en: "en-US" };
const OPTION_BOOLEAN = 5, OPTION_INTEGER = 4, OPTION_NUMBER = 10;

/** The line at the bottom of the window: a command is chosen, its options are filled in, the bot completes them. */
class DiscordComposer {
  /** `commands()` are those offered, `complete(…)` asks the bot for choices, `send(name, options)` sends a command. */
  constructor({ commands, complete, send, refuse }) {
    Object.assign(this, { commands, complete, send, refuse, command: null });
    this.field = build("input", { id: "dc-field", type: "text", autocomplete: "off", spellcheck: "false" });
    this.list = build("ul", { id: "dc-commands", class: "choices", hidden: true });
    this.choices = new Choices(this.field, this.list, (item) => this.begin(item.command));
    this.field.addEventListener("input", () => this.offer());
    this.submit = build("button", { type: "submit", class: "round dc-send" }, icon("send"));
    this.fields = build("div", { class: "dc-fields" }, this.field);
    this.form = build("form", {
      class: "dc-composer",
      onsubmit: (event) => {
        event.preventDefault();
        this.finish();
      },
    }, this.list, this.fields, this.submit);
  }

  named(command) {
    return command.name_localizations?.[LOCALES[document.documentElement.lang]] ?? command.name;
  }

  described(thing) {
    return thing.description_localizations?.[LOCALES[document.documentElement.lang]] ?? thing.description;
  }

  offer() {
    const typed = this.field.value.toLowerCase();
    if (!typed.startsWith("/")) {
      this.choices.show([]);
      return;
    }
    const [word] = typed.slice(1).split(" ", 1);
    const known = this.commands();
    const exact = known.find((command) => [command.name, this.named(command)].includes(word));
    if (typed.includes(" ") && exact !== undefined) {
      this.begin(exact, this.field.value.slice(word.length + 2));
      return;
    }
    const fitting = known.filter((command) =>
      command.name.startsWith(word) || this.named(command).startsWith(word));
    this.choices.show(fitting.map((command) => ({
      label: `/${this.named(command)}`, hint: this.described(command), command,
    })));
  }

  /** Fill in the options of a command. */
  begin(command, typed = "") {
    this.command = command;
    this.field.value = "";
    const inputs = (command.options ?? []).map((option) => this.optionField(option));
    this.fields.replaceChildren(
      build("span", { class: "dc-pill" }, `/${this.named(command)}`),
      ...inputs,
      build("button", { type: "button", class: "dc-cancel", onclick: () => this.reset(true) }, say("cancel")));
    const first = this.fields.querySelector("input") ?? this.submit;
    if (typed !== "" && first.type === "text") {
      first.value = typed;
      first.dispatchEvent(new Event("input"));
    }
    first.focus();
  }

  optionField(option) {
    const name = this.named(option);
    const label = say("option", { command: `/${this.named(this.command)}`, option: name });
    const describing = { title: this.described(option), "aria-label": label, "data-option": option.name };
    let input;
    let list = null;
    if (option.type === OPTION_BOOLEAN || option.choices?.length > 0) {
      const choices = option.choices ?? [{ name: say("yes"), value: "true" }, { name: say("no"), value: "false" }];
      input = build("select", describing, build("option", { value: "" }, "–"),
        choices.map((choice) => build("option", { value: choice.value }, choice.name)));
    } else {
      input = build("input", {
        ...describing, type: "text", autocomplete: "off", spellcheck: "false", required: option.required === true,
        placeholder: option.required ? "" : say("optional"),
      });
    }
    if (option.autocomplete) {
      list = build("ul", { id: `dc-choices-${option.name}`, class: "choices", hidden: true });
      this.completeIn(input, list, option);
    }
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        this.reset(true);
      }
    });
    return build("label", { class: "dc-option" }, build("span", {}, name), input, list);
  }

  completeIn(input, list, option) {
    const choices = new Choices(input, list, (item) => {
      input.value = item.value;
    });
    let latest = 0;
    const ask = async () => {
      latest += 1;
      const mine = latest;
      const found = await this.complete(this.command.name, option.name, input.value, this.values());
      // An older answer may come after a newer one, or after the field was left.
      if (mine === latest && document.activeElement === input) {
        choices.show(found.map((choice) => ({ label: choice.name, value: String(choice.value) })));
      }
    };
    input.addEventListener("input", ask);
    input.addEventListener("focus", ask);
  }

  /** Return the values of the fields, each in its option's type. */
  values(command = this.command) {
    const values = {};
    for (const option of command.options ?? []) {
      const written = this.fields.querySelector(`[data-option="${CSS.escape(option.name)}"]`).value.trim();
      if (written !== "") {
        values[option.name] = typed(option, written);
      }
    }
    return values;
  }

  async finish() {
    if (this.command !== null) {
      const { command } = this;
      this.command = null;
      // A command that did not arrive stays in its fields.
      if (await this.send(command.name, this.values(command)) === null) {
        this.command = command;
      } else {
        this.reset(true);
      }
    } else if (this.field.value.trim() !== "") {
      this.refuse();
    }
  }

  /** Back to the line in which commands are chosen. */
  reset(focus = false) {
    this.command = null;
    this.field.value = "";
    this.choices.show([]);
    this.fields.replaceChildren(this.field);
    if (focus) {
      this.field.focus();
    }
  }
}

function typed(option, written) {
  switch (option.type) {
    case OPTION_BOOLEAN:
      return written === "true";
    case OPTION_INTEGER: case OPTION_NUMBER:
      return Number(written);
    default:
      return written;
  }
}
