// The milestones' REPLs in the book's pages. Nothing is loaded until somebody wants to try something; then it is one
// script beside the book (repl-module.js), which works from a server and from a folder alike.
"use strict";

(() => {
  const MILESTONES = { storage: 1, wal: 2, pool: 3, catalogs: 4, sql: 5 };
  const ABANDON = "\u0003";
  const MAX_SHOWN = 200_000;

  if (location.pathname.endsWith("/print.html")) return;

  let loading;

  // What repl-module.js has: the module, the source of what runs it, and the tested sessions.
  function load() {
    loading ??= new Promise((resolve, reject) => {
      window.inoxLoaded = resolve;
      const script = document.createElement("script");
      script.src = `${path_to_root}repl-module.js`;
      script.onerror = () => reject(new Error("repl-module.js is not there"));
      document.head.append(script);
    }).then(async ({ machine, module, sessions }) => {
      const packed = Uint8Array.from(atob(module), (character) => character.charCodeAt(0));
      const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
      const bytes = await new Response(stream).arrayBuffer();
      const glue = `let machine;
        onmessage = ({ data: { module, call, with: values } }) => {
          if (module) machine = new Machine(module, (text, isError) => postMessage({ text, isError }));
          else postMessage({ goesOn: machine[call](...values) });
        };`;
      const source = URL.createObjectURL(new Blob([machine, glue], { type: "text/javascript" }));
      return { module: await WebAssembly.compile(bytes), source, sessions };
    });
    return loading;
  }

  function element(name, properties, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  function button(text, action) {
    return element("button", { type: "button", textContent: text, onclick: action });
  }

  class Repl {
    constructor(milestone, after) {
      this.milestone = milestone;
      this.history = [];
      this.place = 0;
      this.screen = element("pre", { className: "repl-screen", tabIndex: 0 });
      this.screen.setAttribute("role", "log");
      this.prompt = element("span", { className: "repl-prompt" });
      this.line = element("textarea", { rows: 1, spellcheck: false, autocapitalize: "off", autocomplete: "off" });
      this.line.setAttribute("aria-label", "A line for the database");
      this.line.onkeydown = (event) => this.key(event);
      this.line.oninput = () => this.fit();
      const buttons = [
        button("Restart", () => this.call("restart", [true], "ended and started again")),
        button("kill -9", () => this.call("restart", [false], "killed, and started again")),
      ];
      if (milestone > 1) buttons.push(button("Cut the power", () => this.type("\\crash")));
      buttons.push(button("Close", () => this.close()));
      this.frame = element(
        "section",
        { className: "repl" },
        element("header", {}, element("strong", { textContent: `Milestone ${milestone}` }), ...buttons),
        this.screen,
        element("label", { className: "repl-line" }, this.prompt, this.line),
      );
      this.frame.setAttribute("aria-label", `The REPL of milestone ${milestone}`);
      // Keys are for the database here, not for the book's own shortcuts.
      this.frame.addEventListener("keydown", (event) => event.stopPropagation());
      after.after(this.frame);
    }

    async open(settings) {
      this.show("Loading …\n");
      try {
        const { module, source } = await load();
        this.worker = new Worker(source);
        this.worker.onmessage = ({ data }) => (data.text === undefined ? this.answered(data.goesOn) : this.show(data.text, data.isError));
        this.worker.postMessage({ module });
      } catch (error) {
        this.show(`The REPL cannot be loaded: ${error.message}\n`, true);
        return false;
      }
      this.screen.replaceChildren();
      return this.call("start", [this.milestone, settings, true]);
    }

    // One call after the other; what is said on the way is shown at once.
    call(name, values, remark) {
      const before = this.pending ?? Promise.resolve(true);
      this.pending = before.then((goesOn) => {
        if (!goesOn || !this.worker) return false;
        if (remark) this.show(`${this.prompt.textContent}\n[${remark}]\n`);
        this.prompt.textContent = "";
        return new Promise((resolve) => {
          this.answered = resolve;
          this.worker.postMessage({ call: name, with: values });
        });
      });
      return this.pending.then((goesOn) => {
        if (goesOn) this.takePrompt();
        this.line.disabled = !goesOn;
        return goesOn;
      });
    }

    type(lines) {
      return this.call("turn", [`${lines}\n`]);
    }

    // Plays a session's steps, as many of its lines as the page has shown.
    async play({ steps }, lines) {
      for (const { typed, restart } of steps) {
        if (lines <= 0) return;
        if (typed === undefined) {
          await this.call("restart", [restart], restart ? "ended and started again" : "killed, and started again");
          continue;
        }
        const taken = [];
        for (const line of typed.split("\n")) {
          if (lines <= 0) break;
          taken.push(line);
          if (line.trim() !== "") lines -= 1;
        }
        await this.type(taken.join("\n").trimEnd());
      }
    }

    show(text, isError) {
      const last = this.screen.lastChild;
      if (last?.className === (isError ? "repl-error" : "")) last.append(text);
      else this.screen.append(element("span", { className: isError ? "repl-error" : "" }, text));
      while (this.screen.textContent.length > MAX_SHOWN) this.screen.firstChild.remove();
      this.screen.scrollTop = this.screen.scrollHeight;
    }

    // The last line, which nobody has ended, is what the next one is typed behind.
    takePrompt() {
      const last = this.screen.lastChild;
      if (!last) return;
      const text = last.textContent;
      const start = text.lastIndexOf("\n") + 1;
      this.prompt.textContent = text.slice(start);
      last.textContent = text.slice(0, start);
      this.screen.scrollTop = this.screen.scrollHeight;
    }

    key(event) {
      const { line } = this;
      const alone = !line.value.includes("\n");
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        if (line.value.trim() !== "") this.history.push(line.value);
        this.place = this.history.length;
        this.type(line.value);
        line.value = "";
      } else if ((event.key === "ArrowUp" || event.key === "ArrowDown") && alone) {
        event.preventDefault();
        this.place = Math.min(Math.max(this.place + (event.key === "ArrowUp" ? -1 : 1), 0), this.history.length);
        line.value = this.history[this.place] ?? "";
      } else if (event.key === "c" && event.ctrlKey && line.selectionStart === line.selectionEnd) {
        event.preventDefault();
        this.type(ABANDON);
        line.value = "";
      }
      this.fit();
    }

    fit() {
      this.line.rows = Math.min(this.line.value.split("\n").length, 12);
    }

    close() {
      this.worker?.terminate();
      this.worker = null;
      this.frame.remove();
    }
  }

  async function open(milestone, after, settings) {
    const repl = new Repl(milestone, after);
    const opened = await repl.open(settings);
    repl.line.focus({ preventScroll: true });
    return opened ? repl : null;
  }

  // A button at each transcript: the session is played up to there, and can be gone on with.
  for (const caption of document.querySelectorAll("p.listing.session[data-typed]")) {
    const name = caption.querySelector("code").textContent;
    const milestone = Number(/@m(\d)/.exec(name)?.[1] ?? /^m(\d)/.exec(name)?.[1]);
    const start = button("Run it here", async () => {
      start.disabled = true;
      try {
        const { sessions } = await load();
        const session = sessions[name.split("@")[0]];
        const repl = await open(milestone, caption.nextElementSibling, session.settings);
        await repl?.play(session, Number(caption.dataset.typed));
      } finally {
        start.disabled = false;
      }
    });
    caption.append(start);
  }

  // And one where the reader is asked to try something.
  const part = /([a-z]+)\/[^/]+\.html$/.exec(location.pathname)?.[1];
  const heading = document.querySelector("main h2#try-it");
  if (heading && MILESTONES[part]) {
    const start = button(`Open milestone ${MILESTONES[part]} here`, () => open(MILESTONES[part], start.parentElement, ""));
    heading.after(element("p", { className: "repl-open" }, start));
  }
})();
