// Keeps what stands in the form for sending on the hub while it is typed, and sends files
// in pieces, with pause and resume. Without it the form works by its buttons alone.
"use strict";
(() => {
  const form = document.querySelector("form[data-draft]");
  if (!form) return;
  const token = form.querySelector("input[name=form]").value;
  const saved = document.querySelector("[data-saved]");

  // A page whose session is over is sent to sign in, or, once somebody has signed in
  // elsewhere, has a form of a session that is no more.
  const over = (answer) => answer.type === "opaqueredirect" || answer.status === 403;

  // The draft.

  const typed = () => {
    const values = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (typeof value === "string") values.append(name, value);
    return values;
  };
  let timer = 0;
  let last = typed().toString();
  const save = async () => {
    clearTimeout(timer);
    const now = typed().toString();
    if (now === last) return;
    const answer = await fetch(form.dataset.draft, {
      method: "POST", body: now, keepalive: now.length < 60000, redirect: "manual",
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
    }).catch(() => null);
    if (answer && answer.status === 204) {
      last = now;
      saved.textContent = saved.dataset.saved;
      saved.classList.remove("wrong");
    } else {
      saved.textContent = answer && over(answer) ? saved.dataset.ended : saved.dataset.unsaved;
      saved.classList.add("wrong");
      timer = setTimeout(save, 10000);
    }
  };
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(save, 800);
  });
  addEventListener("pagehide", save);
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && save());

  // Files in pieces.

  const place = form.querySelector("[data-files]");
  const words = place.dataset;
  const piece = 1 << 20;
  let running = 0;
  const post = async (path, body, headers) => {
    const answer = await fetch(path, { method: "POST", body, headers, redirect: "manual" });
    const told = (answer.headers.get("Content-Type") || "").startsWith("application/json") ? await answer.json() : {};
    if (!answer.ok) throw Object.assign(new Error(told.problem || (over(answer) ? saved.dataset.ended : words.failed)), { told: told.problem, status: answer.status });
    return told;
  };
  const element = (name, text, parent) => {
    const e = document.createElement(name);
    if (text) e.textContent = text;
    parent.append(e);
    return e;
  };
  // What was begun is found again when the same file is chosen once more.
  const mark = (file) => `upload ${form.elements.office.value} ${file.name} ${file.size} ${file.lastModified}`;

  const put = (claim) => {
    const list = place.querySelector(".came");
    list.closest("fieldset").hidden = false;
    if (claim.role === "original") {
      list.querySelectorAll("[data-role=original]").forEach((li) => li.remove());
      mended(form.elements.original);
    }
    const li = element("li", "", list);
    li.dataset.role = claim.role;
    const label = element("label", "", li);
    const box = element("input", "", label);
    Object.assign(box, { type: "checkbox", name: "file", value: claim.claim, checked: true });
    const text = element("span", `${claim.name} `, label);
    element("span", claim.note, text).className = "note";
    save();
  };

  // What is wrong with a field stands beside it, as on a page that the hub writes.
  const describe = (field, id, is) => {
    const others = (field.getAttribute("aria-describedby") || "").split(" ").filter((other) => other && other !== id);
    field.setAttribute("aria-describedby", (is ? [...others, id] : others).join(" "));
  };
  const mended = (field) => {
    const wrong = document.getElementById(`wrong-${field.name}`);
    if (!wrong) return;
    wrong.remove();
    field.removeAttribute("aria-invalid");
    describe(field, wrong.id, false);
  };
  const refuse = (field, text) => {
    let wrong = document.getElementById(`wrong-${field.name}`);
    if (!wrong) {
      wrong = document.createElement("p");
      wrong.id = `wrong-${field.name}`;
      wrong.className = "wrong";
      wrong.setAttribute("role", "alert");
      field.after(wrong);
    }
    wrong.textContent = `${wrong.textContent} ${text}`.trim();
    field.setAttribute("aria-invalid", "true");
    describe(field, wrong.id, true);
  };
  // What cannot be seen in a name, or turns the text behind it, stands as a box.
  const visible = (name) => name.replace(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu, "\ufffd");

  // What the document says of itself goes where nobody typed anything.
  const what = form.querySelector("[data-said]");
  const fill = (said) => {
    const filled = [];
    for (const field of what.querySelectorAll("[name]")) {
      const value = (said || {})[field.name];
      if (!value || (field.value !== "" && !(field.name === "date" && field.value === what.dataset.today))) continue;
      field.value = value;
      mended(field);
      filled.push(form.querySelector(`label[for="${field.id}"]`).textContent.trim());
    }
    what.querySelector("[role=status]").textContent = filled.length ? what.dataset.said.replace("{}", () => filled.join(", ")) : "";
  };

  const send = (file, role) => {
    const field = role === "original" ? form.elements.original : form.elements.annex;
    const row = element("li", "", place.querySelector(".coming"));
    element("span", visible(file.name), row);
    const bar = element("progress", "", row);
    bar.max = Math.max(file.size, 1);
    bar.value = 0;
    bar.setAttribute("aria-label", visible(file.name));
    const said = element("span", "", row);
    said.className = "note";
    said.setAttribute("role", "status");
    const pause = element("button", words.pause, row);
    const cancel = element("button", words.cancel, row);
    pause.type = cancel.type = "button";
    let id = sessionStorage.getItem(mark(file));
    let stopped = false;
    let gone = false;
    let turn = 0; // what an earlier turn still has on its way counts no more

    const show = (offset) => {
      bar.value = offset;
      said.textContent = `${Math.floor((offset * 100) / bar.max)} %`;
    };
    const begin = async () => {
      if (id) {
        const answer = await fetch(`${words.files}/${encodeURIComponent(id)}`, { redirect: "manual" });
        if (answer.ok) {
          const told = await answer.json();
          if (told.size === file.size) return told.offset;
        }
      }
      const told = await post(words.files, new URLSearchParams({ form: token, name: file.name, size: file.size }));
      id = told.upload;
      sessionStorage.setItem(mark(file), id);
      return 0;
    };
    const go = async () => {
      const mine = ++turn;
      running++;
      try {
        for (let offset = await begin(); ; ) {
          if (stopped || mine !== turn) return;
          show(offset);
          if (offset >= file.size) break;
          const told = await post(`${words.files}/${encodeURIComponent(id)}?offset=${offset}`, file.slice(offset, offset + piece), { "X-Form": token });
          offset = told.offset;
        }
        const claim = await post(`${words.files}/${encodeURIComponent(id)}/finish`, new URLSearchParams({ form: token, name: file.name, type: file.type, role }));
        if (gone) return;
        fill(claim.said);
        put(claim);
        sessionStorage.removeItem(mark(file));
        row.remove();
      } catch (e) {
        if (gone) return;
        if (e.told && e.status !== 503) { // trying again changes nothing
          sessionStorage.removeItem(mark(file));
          if (row.contains(document.activeElement)) field.focus();
          row.remove();
          refuse(field, `${visible(file.name)}: ${e.told}`);
          return;
        }
        said.textContent = e instanceof TypeError ? words.failed : e.message; // fetch says in its own words that the line broke
        said.className = "wrong";
        stopped = true;
        pause.textContent = words.resume;
      } finally {
        running--;
      }
    };
    pause.addEventListener("click", () => {
      stopped = !stopped;
      pause.textContent = stopped ? words.resume : words.pause;
      said.className = "note";
      if (stopped) said.textContent = words.paused;
      else go();
    });
    cancel.addEventListener("click", () => {
      stopped = gone = true;
      sessionStorage.removeItem(mark(file));
      row.remove();
    });
    go();
  };

  for (const input of form.querySelectorAll("input[type=file]")) {
    input.addEventListener("change", () => {
      mended(input);
      for (const file of input.files) send(file, input.name === "original" ? "original" : "attachment");
      input.value = "";
    });
  }
  const dragged = (on) => (e) => {
    if (![...e.dataTransfer.types].includes("Files")) return;
    e.preventDefault();
    place.classList.toggle("over", on);
  };
  place.addEventListener("dragover", dragged(true));
  place.addEventListener("dragleave", dragged(false));
  place.addEventListener("drop", (e) => {
    dragged(false)(e);
    const none = !place.querySelector("[data-role=original]") && !place.querySelector(".coming li");
    [...e.dataTransfer.files].forEach((file, i) => send(file, none && i === 0 ? "original" : "attachment"));
  });
  form.addEventListener("submit", (e) => {
    if (running && e.submitter && ["check", "send"].includes(e.submitter.value)) {
      e.preventDefault();
      saved.textContent = words.wait;
    }
  });
})();
