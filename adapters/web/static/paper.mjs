// Shows a PDF beside its data, with PDF.js. Without it the page leads to the file, which
// the browser shows or saves by itself.
import { getDocument, GlobalWorkerOptions, TextLayer } from "./pdfjs/pdf.min.mjs";

const beside = (name) => new URL(`./pdfjs/${name}`, import.meta.url).href;
GlobalWorkerOptions.workerSrc = beside("pdf.worker.min.mjs");

const steps = 1.25; // of the zoom
const least = 0.25;
const most = 5;
const mostPixels = 16e6; // of one page: what telephones draw at all
const mostPages = 10000; // a small file can say that it has millions, each of which would get a place

const place = document.querySelector("[data-pdf]");
const words = place.dataset;
const said = place.querySelector("[data-said]");
const tools = place.querySelector("[data-tools]");
const paper = place.querySelector("[data-paper]");
const number = tools.querySelector("input");
const tool = (name) => tools.querySelector(`[data-do=${name}]`);

let pages = []; // {n, box, page, size, task, drawn}
let scale = 1;
let fitting = true; // the width of the place
let here = 1;

const say = (text) => {
  said.textContent = text;
  said.hidden = !text;
};

// Drawing.

const fit = (sheet) => Math.min(most, Math.max(least, (paper.clientWidth - 24) / sheet.size.width));

const measure = (sheet) => {
  sheet.box.style.setProperty("--total-scale-factor", scale);
  sheet.box.style.width = `${Math.floor(sheet.size.width * scale)}px`;
  sheet.box.style.height = `${Math.floor(sheet.size.height * scale)}px`;
};

const clear = (sheet) => {
  sheet.task?.cancel();
  sheet.layer?.cancel();
  sheet.task = sheet.layer = null;
  sheet.drawn = 0;
  delete sheet.box.dataset.drawn;
  sheet.box.replaceChildren();
};

const draw = async (sheet, file) => {
  const at = scale;
  if (sheet.drawn === at) return;
  clear(sheet);
  sheet.drawn = at;
  try {
    sheet.page ??= await file.getPage(sheet.n);
    sheet.size = sheet.page.getViewport({ scale: 1 });
    if (sheet.drawn !== at) return; // meanwhile it went out of sight, or the zoom is another
    measure(sheet);
    const seen = sheet.page.getViewport({ scale: at });
    const sharp = Math.min(window.devicePixelRatio || 1, Math.sqrt(mostPixels / (seen.width * seen.height)));
    const canvas = document.createElement("canvas");
    canvas.width = Math.floor(seen.width * sharp);
    canvas.height = Math.floor(seen.height * sharp);
    canvas.setAttribute("aria-hidden", "true"); // the text stands in a layer over it
    const text = document.createElement("div");
    text.className = "pdf-text";
    sheet.box.replaceChildren(canvas, text);
    sheet.task = sheet.page.render({ canvas, viewport: seen, transform: sharp === 1 ? null : [sharp, 0, 0, sharp, 0, 0] });
    sheet.layer = new TextLayer({ textContentSource: sheet.page.streamTextContent(), container: text, viewport: seen });
    await Promise.all([sheet.task.promise, sheet.layer.render()]);
    sheet.box.dataset.drawn = "1";
  } catch (e) {
    if (sheet.drawn !== at || e.name === "RenderingCancelledException" || e.name === "AbortException") return;
    const wrong = document.createElement("p");
    wrong.className = "wrong";
    wrong.textContent = words.broken;
    sheet.box.replaceChildren(wrong);
  }
};

// Moving.

const zoom = (to, isFit) => {
  const within = paper.scrollTop / Math.max(1, paper.scrollHeight);
  scale = Math.min(most, Math.max(least, to));
  fitting = isFit;
  pages.forEach(measure);
  paper.scrollTop = within * paper.scrollHeight;
  tool("scale").textContent = `${Math.round(scale * 100)} %`;
  tool("out").disabled = scale <= least;
  tool("in").disabled = scale >= most;
  watch();
};

const mark = (n) => {
  here = n;
  if (document.activeElement !== number) number.value = n;
  tool("previous").disabled = n <= 1;
  tool("next").disabled = n >= pages.length;
};

const go = (n) => {
  const sheet = pages[Math.min(pages.length, Math.max(1, n)) - 1];
  paper.scrollTop = sheet.box.offsetTop - 8;
  mark(sheet.n);
};

const follow = () => {
  const middle = paper.scrollTop + paper.clientHeight / 3;
  let at = 0;
  while (at + 1 < pages.length && pages[at + 1].box.offsetTop <= middle) at++;
  if (paper.scrollTop + paper.clientHeight >= paper.scrollHeight - 2 && here > at + 1) return; // the last ones share the place
  mark(at + 1);
};

// Pages near the place are drawn, those far away are let go.
let observer;
let watch = () => {};
const observe = (file) => {
  watch = () => {
    observer?.disconnect();
    observer = new IntersectionObserver((entries) => {
      for (const e of entries) {
        const sheet = pages[Number(e.target.dataset.n) - 1];
        if (e.isIntersecting) draw(sheet, file);
        else clear(sheet);
      }
    }, { root: paper, rootMargin: "100% 0px" });
    for (const sheet of pages) observer.observe(sheet.box);
  };
};

const listen = () => {
  const acts = {
    previous: () => go(here - 1),
    next: () => go(here + 1),
    out: () => zoom(scale / steps, false),
    in: () => zoom(scale * steps, false),
    fit: () => zoom(fit(pages[0]), true),
  };
  for (const [name, act] of Object.entries(acts)) tool(name).addEventListener("click", act);
  number.addEventListener("change", () => {
    const n = Number.parseInt(number.value, 10);
    if (n) go(n);
    number.value = here;
  });
  const keys = { ArrowLeft: "previous", ArrowRight: "next", "-": "out", "+": "in", "=": "in", 0: "fit" };
  paper.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || !keys[e.key]) return;
    if (e.key.startsWith("Arrow") && paper.scrollWidth > paper.clientWidth) return; // they move what is wider than the place
    e.preventDefault();
    acts[keys[e.key]]();
  });
  paper.addEventListener("scroll", follow, { passive: true });
  let width = paper.clientWidth;
  new ResizeObserver(() => {
    if (!fitting || Math.abs(paper.clientWidth - width) < 2) return;
    width = paper.clientWidth;
    zoom(fit(pages[0]), true);
  }).observe(paper);
};

const show = async () => {
  say(words.opening);
  const task = getDocument({
    url: words.pdf,
    disableRange: true, // the hub gives a file whole, or not at all
    useWasm: false, // the policy of the pages allows none
    wasmUrl: beside(""),
    standardFontDataUrl: beside(""),
  });
  addEventListener("pagehide", (e) => e.persisted || task.destroy());
  try {
    const file = await task.promise;
    if (file.numPages > mostPages) throw Object.assign(new Error("too many pages"), { name: "TooManyPages" });
    const first = await file.getPage(1);
    const size = first.getViewport({ scale: 1 });
    for (let n = 1; n <= file.numPages; n++) {
      const box = document.createElement("div");
      box.className = "pdf-page";
      box.dataset.n = n;
      box.setAttribute("role", "group");
      box.setAttribute("aria-label", words.page.replace("{0}", n).replace("{1}", file.numPages));
      pages.push({ n, box, page: n === 1 ? first : null, size, drawn: 0 });
    }
    paper.append(...pages.map((sheet) => sheet.box));
    number.max = pages.length;
    tool("pages").textContent = `/ ${pages.length}`;
    paper.hidden = tools.hidden = false;
    say("");
    observe(file);
    listen();
    zoom(fit(pages[0]), true);
    mark(1);
  } catch (e) {
    task.destroy();
    pages = [];
    paper.hidden = tools.hidden = true;
    say({ PasswordException: words.locked, InvalidPDFException: words.broken, FormatError: words.broken, TooManyPages: words.endless }[e.name] || words.failed);
    said.classList.add("wrong");
    place.dataset.state = "failed";
  }
};

const large = place.querySelector("[data-large]");
if (large) {
  large.hidden = false;
  large.addEventListener("click", () => {
    large.remove();
    show();
  });
} else show();
