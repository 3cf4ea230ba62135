// What the pages do beyond being read: they follow what happens, count seconds, and can be walked with j and k.
"use strict";

document.documentElement.classList.add("scripted");

// --- Seconds that go on counting ---

function worded(seconds) {
  if (seconds >= 100) {
    const whole = Math.round(seconds);
    return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  }
  return seconds >= 10 ? `${Math.floor(seconds)} s` : `${seconds.toFixed(1)} s`;
}

function startCounting(root) {
  // From the server's count, so that a clock that is wrong here does no harm.
  for (const counter of root.querySelectorAll("[data-seconds]")) {
    counter.began = performance.now() - Number(counter.dataset.seconds) * 1000;
  }
}

setInterval(() => {
  for (const counter of document.querySelectorAll("[data-seconds]")) {
    counter.textContent = worded((performance.now() - counter.began) / 1000);
  }
}, 100);

// --- Following what happens ---

function replace(element, html) {
  const focused = element.contains(document.activeElement) ? document.activeElement.id : "";
  // The server sends the same escaped markup that the page was made of.
  element.innerHTML = html;
  startCounting(element);
  if (focused) {
    document.getElementById(focused)?.focus({ preventScroll: true });
  }
}

function follow(element) {
  const source = new EventSource(element.dataset.live);
  source.addEventListener(element.dataset.event, (event) => replace(element, event.data));
  source.addEventListener("end", () => {
    source.close();
    location.reload();
  });
  // A page that nobody sees needs no connection; browsers allow only six to one server.
  addEventListener("pagehide", () => source.close());
}

// What an agent does is added piece by piece, and taken back when its worker begins again.
const MOST_PIECES = 600;

function takeBack(feed, seq) {
  for (const piece of [...feed.children]) {
    if (Number(piece.dataset.seq) > seq) {
      piece.remove();
    }
  }
}

function add(feed, html) {
  const atEnd = feed.scrollTop + feed.clientHeight >= feed.scrollHeight - 24;
  feed.insertAdjacentHTML("beforeend", html);
  while (feed.children.length > MOST_PIECES) {
    feed.firstElementChild.remove();
  }
  if (atEnd) {
    feed.scrollTop = feed.scrollHeight;
  }
}

function watch(feed) {
  const source = new EventSource(feed.dataset.feed);
  source.addEventListener("piece", (event) => add(feed, event.data));
  source.addEventListener("rewind", (event) => takeBack(feed, Number(event.data)));
  source.addEventListener("progress", (event) => replace(document.getElementById("progress"), event.data));
  source.addEventListener("end", () => {
    source.close();
    location.reload();
  });
  addEventListener("pagehide", () => source.close());
}

// --- Keys ---

function step(by) {
  const all = [...document.querySelectorAll("[data-step]")].filter((one) => one.offsetParent !== null);
  if (all.length === 0) {
    return;
  }
  const now = all.indexOf(document.activeElement);
  const next = now < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, now + by));
  all[next].focus();
  all[next].scrollIntoView({ block: "nearest" });
}

function isTyping(target) {
  return target.closest("input, select, textarea") !== null;
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) {
    return;
  }
  if (event.key === "j") {
    step(1);
  } else if (event.key === "k") {
    step(-1);
  } else if (event.key === "u") {
    const up = document.querySelector("[data-up]");
    if (up && up.pathname !== location.pathname) {
      up.click();
    }
  }
});

// --- At the start ---

addEventListener("pageshow", (event) => {
  if (event.persisted) {
    location.reload();
  }
});

startCounting(document);
for (const element of document.querySelectorAll("[data-live]")) {
  follow(element);
}
for (const feed of document.querySelectorAll("[data-feed]")) {
  watch(feed);
  feed.scrollTop = feed.scrollHeight;
}
for (const form of document.querySelectorAll("[data-filter]")) {
  form.addEventListener("change", () => form.requestSubmit());
}
