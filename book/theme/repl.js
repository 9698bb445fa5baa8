// The milestones' REPLs in the book's pages. Nothing is loaded until somebody wants to try something; then it is one
// script beside the book (repl-module.js), which works from a server and from a folder alike.
"use strict";

(() => {
  const MILESTONES = { storage: 1, wal: 2, pool: 3, catalogs: 4, sql: 5 };
  const ABANDON = "\u0003";
  const MAX_SHOWN = 200_000; // characters
  const ENDED = "[the program has ended: “Restart” starts it again]\n";

  const KEPT = "Your database lies in this browser (IndexedDB) and stays when you turn the page. “Begin anew” empties it.";

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
    }).then(async ({ machine, module, build, sessions }) => {
      const packed = Uint8Array.from(atob(module), (character) => character.charCodeAt(0));
      const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
      const bytes = await new Response(stream).arrayBuffer();
      const glue = `let machine;
        onmessage = ({ data: { module, call, with: values } }) => {
          if (module) return (machine = new Machine(module, (text, isError) => postMessage({ text, isError })));
          const goesOn = machine[call](...values);
          const changes = machine.changes();
          postMessage({ goesOn, changes }, changes.pieces.map(([, piece]) => piece.buffer));
        };`;
      const source = URL.createObjectURL(new Blob([machine, glue], { type: "text/javascript" }));
      return { module: await WebAssembly.compile(bytes), source, build, sessions };
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
    // `session` is the name of the one that is played, if it is not the reader's own database.
    constructor(milestone, settings, session, after) {
      this.milestone = milestone;
      this.settings = settings;
      this.session = session;
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
        button("Restart", () => this.restart(true)),
        button("kill -9", () => this.restart(false)),
      ];
      if (milestone > 1) buttons.push(button("Cut the power", () => this.type("\\crash")));
      this.keeping = session ? button("Keep it", () => this.keep()) : button("Begin anew", () => this.beginAnew());
      buttons.push(this.keeping, button("Close", () => this.close()));
      this.whereabouts = element("p", { className: "repl-whereabouts" });
      this.frame = element(
        "section",
        { className: "repl" },
        element("header", {}, element("strong", { textContent: `Milestone ${milestone}` }), ...buttons),
        this.whereabouts,
        this.screen,
        element("label", { className: "repl-line" }, this.prompt, this.line),
      );
      this.frame.setAttribute("aria-label", `The REPL of milestone ${milestone}`);
      // Keys are for the database here, not for the book's own shortcuts.
      this.frame.addEventListener("keydown", (event) => event.stopPropagation());
      after.after(this.frame);
    }

    async open() {
      this.show("Loading …\n");
      let loaded;
      try {
        loaded = await load();
        this.worker = new Worker(loaded.source);
      } catch (error) {
        this.show(`The REPL cannot be loaded: ${error.message}\n`, true);
        return false;
      }
      this.worker.onmessage = ({ data }) => this.hear(data);
      this.worker.onerror = ({ message }) => this.fail(message);
      this.worker.postMessage({ module: loaded.module });
      if (this.session) {
        this.tell(`The session ${this.session} makes this database anew each time. “Keep it” makes it yours, and then it stays.`);
      }
      const found = this.session ? {} : await this.claim(loaded.build);
      this.clear();
      if (found.isFromAnotherBuild) {
        this.show("[your database was made by an earlier build of this book, which this one cannot go on with]\n");
      }
      if (found.image) return this.call("resume", [found.image], "your database, as you left it");
      return this.call("start", [this.milestone, this.settings, true]);
    }

    store(build) {
      return Kept.open(new URL(path_to_root || ".", location.href).pathname, this.milestone, build);
    }

    // What this browser has kept of the reader's own database.
    async claim(build) {
      try {
        this.kept = await this.store(build);
        const found = await this.kept.claim();
        this.tell(KEPT);
        return found;
      } catch (error) {
        this.loseStore(error.message);
        return {};
      }
    }

    // Makes the database of a session the reader's own.
    async keep() {
      try {
        const kept = await this.store((await load()).build);
        const { image } = await kept.claim();
        if (image && !confirm(`Your own database of milestone ${this.milestone} is replaced by this one.`)) return;
        await kept.forget();
        this.kept = kept;
      } catch (error) {
        return this.loseStore(error.message);
      }
      this.tell(KEPT);
      this.keeping.replaceWith(button("Begin anew", () => this.beginAnew()));
      this.session = null;
      this.settings = "";
      await this.call("tellAll", []);
    }

    loseStore(why) {
      this.kept = null;
      this.tell(`This database is gone when you turn the page: ${why}`);
    }

    tell(text) {
      this.whereabouts.textContent = text;
    }

    hear({ text, isError, goesOn, changes }) {
      if (text !== undefined) return this.show(text, isError);
      this.answered(goesOn);
      this.save(changes);
    }

    async save(changes) {
      try {
        if (this.kept && !(await this.kept.save(changes))) {
          this.loseStore("you have opened it in another page since, which keeps it now.");
        }
      } catch (error) {
        this.loseStore(`this browser does not keep it (${error.message}).`);
      }
    }

    // A worker that has failed is of no more use: the next start makes another.
    fail(message) {
      this.show(`\nThe program has crashed: ${message}\n`, true);
      this.show(ENDED);
      this.line.disabled = true;
      this.stop();
      this.answered?.(false);
    }

    stop() {
      this.worker?.terminate();
      this.worker = null;
      this.pending = null;
    }

    restart(inOrder) {
      if (!this.worker) return this.open();
      return this.call("restart", [inOrder], inOrder ? "ended and started again" : "killed, and started again");
    }

    async beginAnew() {
      this.stop();
      try {
        await this.kept?.forget();
      } catch (error) {
        this.loseStore(error.message);
      }
      await this.open();
      this.line.focus({ preventScroll: true });
    }

    // One call after the other; what is said on the way is shown at once.
    call(name, values, remark) {
      const { worker } = this;
      const done = (this.pending ?? Promise.resolve()).then(() => {
        if (!worker || this.worker !== worker) return false;
        if (remark) this.show(`${this.prompt.textContent}\n[${remark}]\n`);
        this.prompt.textContent = "";
        return new Promise((resolve) => {
          this.answered = resolve;
          worker.postMessage({ call: name, with: values });
        });
      });
      this.pending = done;
      return done.then((goesOn) => {
        if (this.worker !== worker) return false;
        if (goesOn) this.takePrompt();
        else this.show(ENDED);
        this.line.disabled = !goesOn;
        return goesOn;
      });
    }

    type(lines) {
      return this.call("turn", [`${lines}\n`]);
    }

    // Plays a session's steps, as many of its lines as the page has shown.
    async play({ steps }, lines) {
      for (const { typed, restart, file, text } of steps) {
        if (lines <= 0) return;
        if (file !== undefined) {
          await this.call("give", [file, text]);
          continue;
        }
        if (typed === undefined) {
          await this.restart(restart);
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
      const className = isError ? "repl-error" : "";
      if (this.screen.lastChild?.className !== className) this.screen.append(element("span", { className }));
      this.screen.lastChild.append(text);
      let over = this.screen.textContent.length - MAX_SHOWN;
      this.screen.classList.toggle("repl-cut", this.isCut || over > 0);
      this.isCut ||= over > 0;
      while (over > 0) {
        const span = this.screen.firstChild;
        const first = span.firstChild;
        const length = Math.min(first?.length ?? 0, over);
        if (length === (first?.length ?? 0)) (span.childNodes.length > 1 ? first : span).remove();
        else first.deleteData(0, length);
        over -= length;
      }
      this.scroll();
    }

    clear() {
      this.screen.replaceChildren();
      this.screen.classList.remove("repl-cut");
      this.isCut = false;
      this.prompt.textContent = "";
    }

    // To the end, once for all that comes before the page is drawn again.
    scroll() {
      this.scrolling ??= requestAnimationFrame(() => {
        this.scrolling = null;
        this.screen.scrollTop = this.screen.scrollHeight;
      });
    }

    // The last line, which nobody has ended, is what the next one is typed behind.
    takePrompt() {
      const last = this.screen.lastChild;
      if (!last) return;
      const text = last.textContent;
      const start = text.lastIndexOf("\n") + 1;
      this.prompt.textContent = text.slice(start);
      last.textContent = text.slice(0, start);
      this.scroll();
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
      this.stop();
      this.frame.remove();
    }
  }

  async function open(milestone, settings, session, after) {
    const repl = new Repl(milestone, settings, session, after);
    const opened = await repl.open();
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
        const repl = await open(milestone, session.settings, name, caption.nextElementSibling);
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
  const milestone = MILESTONES[part];
  if (heading && milestone) {
    let repl;
    const start = button(`Open milestone ${milestone} here`, async () => {
      repl?.close();
      repl = await open(milestone, "", null, start.parentElement);
    });
    heading.after(element("p", { className: "repl-open" }, start));
  }
})();
