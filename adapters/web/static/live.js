// Keeps what a page shows up to date by server-sent events. Without it the page is as it
// was when it was opened, and everything works.
"use strict";
(() => {
  const place = document.querySelector("[data-live]");
  if (!place || !window.EventSource) return;
  const said = document.querySelector("[data-arrived]");
  const title = document.title;
  const rows = () => [...place.querySelectorAll("[data-row]")].map((r) => r.dataset.row);
  const known = new Set(rows());
  let arrived = 0;
  let source;

  const count = () => {
    document.title = arrived ? `(${arrived}) ${title}` : title;
    if (said) said.textContent = arrived ? said.dataset.arrived.replace("{0}", arrived) : "";
  };

  // What the person has marked or stands on stays so.
  const replace = (html) => {
    const marked = new Set([...place.querySelectorAll("input:checked")].map((i) => i.value));
    const here = document.activeElement;
    const key = place.contains(here) ? here.getAttribute("href") || here.id || here.value : null;
    place.innerHTML = html;
    for (const input of place.querySelectorAll("input")) if (marked.has(input.value)) input.checked = true;
    if (key) [...place.querySelectorAll("a, input, button")].find((e) => (e.getAttribute("href") || e.id || e.value) === key)?.focus();
    for (const row of rows()) {
      if (!known.has(row)) arrived++;
      known.add(row);
    }
    count();
  };

  const open = () => {
    source = new EventSource(place.dataset.live);
    source.addEventListener("page", (e) => replace(JSON.parse(e.data)));
    source.addEventListener("rest", () => source.close());
  };
  const seen = () => {
    if (!arrived) return;
    arrived = 0;
    count();
  };

  document.querySelector("[data-all]")?.addEventListener("click", () => {
    const boxes = [...place.querySelectorAll("input[type=checkbox]")];
    const mark = boxes.some((b) => !b.checked);
    for (const b of boxes) b.checked = mark;
  });

  open();
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (e) => e.persisted && open());
  addEventListener("pointerdown", seen);
  addEventListener("keydown", seen);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && source.readyState === EventSource.CLOSED) open();
  });
})();
