// Keeps a page current. What events bring is put as text, or as one of a few attributes; markup is only ever taken over
// from this same page, fetched anew.
// Without it every page is there, only as it was when it was loaded.
"use strict";
(() => {
  const page = document.querySelector("[data-live]");
  const link = document.querySelector("[data-link]");
  let ahead = Date.parse(document.body.dataset.now) - Date.now(); // how far the server's clock is before ours
  const now = () => Date.now() + ahead;

  /* times: words that grow old, countdowns, and clocks in the reader's zone */
  const UNITS = [[60, 1, "s"], [3600, 60, "min"], [172800, 3600, "h"], [Infinity, 86400, "d"]];
  const CLOCK = /^\d\d:\d\d(:\d\d(\.\d+)?)?( UTC)?$/;
  const AGO = /( ago|^in .*|^just now)$/;

  const span = (seconds) => {
    const [, unit, word] = UNITS.find(([limit]) => seconds < limit);
    return `${Math.floor(seconds / unit)} ${word}`;
  };
  const ago = (ms) => {
    const seconds = Math.floor((now() - ms) / 1000);
    if (seconds === 0) return "just now";
    return seconds < 0 ? `in ${span(-seconds)}` : `${span(seconds)} ago`;
  };
  const left = (ms) => {
    const seconds = Math.floor((ms - now()) / 1000);
    const two = (n) => String(n).padStart(2, "0");
    if (seconds <= 0) return "over";
    const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
    return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
  };
  const clock = (ms, like) => {
    const parts = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    if (like.split(":").length > 2) parts.second = "2-digit";
    if (like.includes(".")) parts.fractionalSecondDigits = 3;
    return new Intl.DateTimeFormat("en-GB", parts).format(ms);
  };

  const say = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };
  const tell = (time) => {
    const ms = Date.parse(time.dateTime);
    if (Number.isNaN(ms)) return;
    if (time.hasAttribute("data-left")) say(time, left(ms));
    else if (AGO.test(time.textContent)) say(time, ago(ms));
    else if (CLOCK.test(time.textContent) && time.dataset.told !== time.dateTime) {
      say(time, clock(ms, time.textContent));
      time.dataset.told = time.dateTime;
    }
  };
  const tick = () => document.querySelectorAll("time[datetime]").forEach(tell);
  tick();
  setInterval(tick, 1000);

  /* a whole id by a click */
  document.addEventListener("click", async (event) => {
    const id = event.target.closest("code[data-copy]");
    if (!id || id.closest("a") || !navigator.clipboard) return;
    const short = id.textContent;
    try {
      await navigator.clipboard.writeText(id.title || short);
      say(id, "copied");
      setTimeout(() => say(id, short), 1200);
    } catch { /* the browser does not allow it; the id can still be marked */ }
  });

  const offer = () => navigator.clipboard && document.querySelectorAll("pre[data-copy]").forEach((text) => {
    if (text.nextElementSibling?.hasAttribute("data-made")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.dataset.made = "";
    button.setAttribute("aria-live", "polite");
    say(button, "Copy");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text.textContent);
        say(button, "Copied");
        setTimeout(() => say(button, "Copy"), 1200);
      } catch { /* as above */ }
    });
    text.after(button);
  });
  offer();

  if (!page) return;

  /* values into their places: `counts.waiting` is a path into what was sent */
  const ATTRIBUTES = ["href", "src", "width", "height", "d", "data-none"];
  const PLACES = "[data-text],[data-time],[data-attr],[data-if],[data-unless],[data-list]";
  const pick = (value, path) => path.split(".").reduce((at, name) => (at == null ? at : at[name]), value);
  const empty = (value) => value == null || value === "" || value.length === 0;

  const set = (element, name, value) => {
    if (!ATTRIBUTES.includes(name) || value == null) return;
    if ((name === "href" || name === "src") && !/^\/(?![/\\])/.test(value)) return; // our own addresses only
    if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
  };
  const settle = (element, value) => {
    const { text, time, attr, list } = element.dataset;
    if (element.dataset.if) element.hidden = empty(pick(value, element.dataset.if));
    if (element.dataset.unless) element.hidden = !empty(pick(value, element.dataset.unless));
    if (text) say(element, String(pick(value, text) ?? ""));
    if (attr) for (const pair of attr.split(" ")) set(element, pair.split(":")[0], pick(value, pair.split(":")[1]));
    if (list) hang(element, pick(value, list) ?? []);
    const at = time && pick(value, time);
    if (at && element.dateTime !== at.at) {
      element.dateTime = at.at;
      element.title = at.exact;
      say(element, at.says);
    }
    if (at) tell(element);
  };
  const fill = (root, value) => {
    const mine = root.closest("[data-list]"); // what stands in a list within belongs to that list's own values
    for (const element of root.querySelectorAll(PLACES)) {
      if (element.parentElement.closest("[data-list]") === mine) settle(element, value);
    }
  };
  // What stays keeps its node, so that neither the focus nor a picture is lost.
  const hang = (list, values) => {
    const form = list.querySelector(":scope > template").content.firstElementChild;
    const held = new Map([...list.children].filter((each) => each.dataset.key).map((each) => [each.dataset.key, each]));
    let after = list.querySelector(":scope > template");
    for (const value of values) {
      const item = held.get(value.key) ?? document.importNode(form, true);
      held.delete(value.key);
      item.dataset.key = value.key;
      if (after.nextElementSibling !== item) after.after(item);
      fill(item, value);
      after = item;
    }
    for (const gone of held.values()) gone.remove();
  };

  /* a page drawn anew: what stays keeps its node, and with it the focus, the scrolling and what was opened */
  const kind = (node) => node.nodeType !== Node.ELEMENT_NODE ? node.nodeName : [
    node.nodeName, node.classList[0],
    node.dataset.key || node.id || node.getAttribute("action") || node.getAttribute("href"),
  ].join(" ");
  const turn = (old, fresh) => {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
    } else if (!old.isEqualNode(fresh) && !(old.dateTime && old.dateTime === fresh.dateTime)) {
      const names = new Set([...old.getAttributeNames(), ...fresh.getAttributeNames()]);
      names.delete("open"); // the reader's own doing
      for (const name of names) {
        if (!fresh.hasAttribute(name)) old.removeAttribute(name);
        else if (old.getAttribute(name) !== fresh.getAttribute(name)) old.setAttribute(name, fresh.getAttribute(name));
      }
      if (old !== link) turnAll(old, fresh);
    }
  };
  const turnAll = (old, fresh) => {
    const were = [...old.childNodes].filter((node) => !node.dataset || !("made" in node.dataset));
    const are = [...fresh.childNodes];
    const [had, has] = [were.map(kind), are.map(kind)];
    let at = 0;
    are.forEach((node, n) => {
      const there = had.indexOf(has[n], at);
      const comesLater = there > at && (node.nodeType !== Node.ELEMENT_NODE || has.includes(had[at], n));
      if (there < 0 || comesLater) {
        old.insertBefore(document.importNode(node, true), were[at] ?? null);
        return;
      }
      while (at < there) were[at++].remove();
      turn(were[at++], node);
    });
    were.slice(at).forEach((node) => node.remove());
  };

  /* the page of one job is fetched when its mark is not the true one: one fetch at a time, and a rest after each */
  const SECOND = 1000;
  let mark = page.dataset.mark;
  let told = mark === undefined || "out" in page.dataset ? "Connected: changes show as they happen." : "";
  let busy = false;
  let rest = SECOND;

  const take = (fresh) => {
    const [main, status, focus] = [page.closest("main"), page.dataset.status, document.activeElement];
    turnAll(main, fresh.closest("main"));
    tick();
    offer();
    if (focus !== document.activeElement) main.focus({ preventScroll: true }); // what had it is gone
    if (page.dataset.status === status) return;
    told = `This job has moved on: ${page.dataset.status}.`;
    say(link, told);
  };
  const fetched = async () => {
    try {
      const given = { headers: { Accept: "text/html" }, redirect: "manual", cache: "no-store" };
      const answer = await fetch(location.href, given);
      const text = answer.ok ? await answer.text() : "";
      return new DOMParser().parseFromString(text, "text/html").querySelector("main [data-mark]");
    } catch {
      return null; // the line tells when we are not connected
    }
  };
  const draw = async () => {
    if (busy || document.hidden || mark === page.dataset.mark) return;
    busy = true;
    const asked = mark;
    const fresh = await fetched();
    if (fresh) take(fresh);
    if (fresh && mark === asked) mark = page.dataset.mark; // or newer still, of which the line will tell
    rest = fresh ? SECOND : Math.min(2 * rest, 60 * SECOND);
    setTimeout(() => { busy = false; draw(); }, rest);
  };

  /* the line to the receiver */
  let source = null;
  let seen = new Date(Date.now());
  let again = 0;
  const away = () => {
    const at = clock(seen, "00:00:00");
    say(link, `Not connected: this is how it was at ${at}. Trying again; if it stays like this, load the page anew.`);
  };
  const connect = () => {
    clearTimeout(again);
    source?.close();
    source = new EventSource(page.dataset.live);
    source.addEventListener("now", (event) => {
      const { shown } = JSON.parse(event.data);
      ahead = Date.parse(shown.at) - Date.now();
      seen = new Date(Date.now());
      fill(page, shown);
    });
    source.addEventListener("mark", (event) => {
      ({ mark } = JSON.parse(event.data));
      seen = new Date(Date.now());
      draw();
    });
    source.addEventListener("open", () => say(link, told));
    source.addEventListener("error", () => {
      away();
      if (source.readyState === EventSource.CLOSED) again = setTimeout(connect, 5000); // it gave up; we do not
    });
  };
  // A browser has few lines to one host: a page that nobody sees gives its own back.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) return connect();
    clearTimeout(again);
    source?.close();
  });
  window.addEventListener("pagehide", () => source?.close());
  window.addEventListener("pageshow", (event) => event.persisted && connect());
  if (!document.hidden) connect();
})();
