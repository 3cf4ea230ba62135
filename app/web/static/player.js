// Plays the recording of a proof: an asciicast whose output is plain text, line ends and bold, as our evidence is.
"use strict";

// Nobody waits out a test run; what stood still for longer is shown as if it had been this long, in seconds.
const LONGEST_PAUSE = 2;
// Of a longer output the end is shown.
const MOST_CHARACTERS = 200000;

// Output with the second at which it is shown.
function eventsOf(cast) {
  const [, ...lines] = cast.split("\n").filter((line) => line !== "");
  const events = [];
  let at = 0;
  let before = 0;
  for (const line of lines) {
    const [seconds, kind, text] = JSON.parse(line);
    at += Math.min(Math.max(0, seconds - before), LONGEST_PAUSE);
    before = seconds;
    if (kind === "o") {
      events.push({ at, text: text.replaceAll("\r\n", "\n") });
    }
  }
  return events;
}

// As nodes of text, never as markup: what a command printed is somebody else's.
function write(screen, text) {
  let bold = false;
  for (const part of text.split(/(\x1b\[[01]m)/)) {
    if (part === "\x1b[1m" || part === "\x1b[0m") {
      bold = part === "\x1b[1m";
    } else if (part !== "") {
      const node = bold ? document.createElement("strong") : document.createTextNode(part);
      if (bold) {
        node.textContent = part;
      }
      screen.append(node);
    }
  }
}

class Player {
  constructor(root, events) {
    this.screen = root.querySelector("pre");
    this.button = root.querySelector("button");
    this.position = root.querySelector("input");
    this.time = root.querySelector("output");
    this.speed = root.querySelector("select");
    this.events = events;
    this.length = events.length === 0 ? 0 : events.at(-1).at;
    // What is shown: so many events, of so many seconds; the whole at first, for those who only read.
    this.shown = 0;
    this.at = 0;
    this.frame = 0;
    this.position.max = String(this.length);
    this.button.addEventListener("click", () => (this.frame ? this.pause() : this.play()));
    this.position.addEventListener("input", () => {
      this.pause();
      this.show(Number(this.position.value));
    });
    this.show(this.length);
  }

  play() {
    if (this.at >= this.length) {
      this.show(0);
    }
    this.button.textContent = "Pause";
    let last = performance.now();
    const go = (now) => {
      this.show(Math.min(this.length, this.at + ((now - last) / 1000) * Number(this.speed.value)));
      last = now;
      this.frame = requestAnimationFrame(go);
      if (this.at >= this.length) {
        this.pause();
      }
    };
    this.frame = requestAnimationFrame(go);
  }

  pause() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.button.textContent = "Play";
  }

  show(at) {
    if (at < this.at) {
      this.screen.replaceChildren();
      this.shown = 0;
    }
    const before = this.shown;
    while (this.shown < this.events.length && this.events[this.shown].at <= at) {
      write(this.screen, this.events[this.shown].text);
      this.shown += 1;
    }
    while (this.screen.firstChild !== this.screen.lastChild && this.screen.textContent.length > MOST_CHARACTERS) {
      this.screen.firstChild.remove();
    }
    this.at = at;
    this.position.value = String(at);
    this.time.textContent = `${at.toFixed(1)} of ${this.length.toFixed(1)} s`;
    if (this.shown !== before) {
      this.screen.scrollTop = this.screen.scrollHeight;
    }
  }
}

async function open(root) {
  const answer = await fetch(root.dataset.recording);
  if (!answer.ok) {
    // Its retention is over; the page says so of its files.
    root.remove();
    return;
  }
  new Player(root, eventsOf(await answer.text()));
}

for (const root of document.querySelectorAll("[data-recording]")) {
  open(root);
}
