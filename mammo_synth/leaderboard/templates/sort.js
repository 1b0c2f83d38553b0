// Sorts and filters the rankings. Without script a page is complete, in the order of the ranks.
const DATA = JSON.parse(document.getElementById("data").textContent);
const SAY = DATA.say;
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

const CONFIGURATION = /^(\d+-\d+)-(\d+)syn$/;
const TEXTS = {
  0: (body) => `${body.dataset.c ?? ""} ${body.dataset.m}`,
  classifier: (body) => body.dataset.m,
  ratio: (body) => (CONFIGURATION.exec(body.dataset.c) ?? ["", ""])[1],
  date: (body) => body.dataset.d ?? "",
};
const NUMBERS = {
  1: (body, place) => (body.dataset.c ? place : NaN),
  fraction: (body) => Number((CONFIGURATION.exec(body.dataset.c) ?? ["", "", NaN])[2]),
};

function value(body, column) {
  const cell = body.rows[0].cells[column];
  const text = (cell?.querySelector("b") ?? cell?.firstChild)?.textContent ?? "";
  return parseFloat(text.replace("\u2212", "-"));
}

// What is incomplete, controls and what is missing stay below the ranking; no value stands last.
const group = (body) => ["incomplete", "control", "missing"].indexOf(body.className) + 1;

function board(table) {
  const bodies = [...table.tBodies];
  const places = new Map(bodies.map((body, i) => [body, i]));
  const heads = [...table.tHead.rows[0].cells];
  const tools = table.closest("section").querySelector(".tools");
  const form = tools.querySelector("form");
  const status = table.closest("section").querySelector(".status");
  const { sort, reverse } = form.elements;
  let key = "1";
  let order = "ascending";

  function arrange() {
    const sign = order === "ascending" ? 1 : -1;
    const text = TEXTS[key];
    const number = NUMBERS[key] ?? ((body) => value(body, Number(key)));
    bodies
      .map((body) => ({ body, v: text ? text(body) : number(body, places.get(body)) }))
      .map((one) => ({ ...one, none: text ? one.v === "" : Number.isNaN(one.v) }))
      .sort((a, b) =>
        group(a.body) - group(b.body) || a.none - b.none ||
        (a.none ? 0 : sign * (text ? a.v.localeCompare(b.v, "en") : a.v - b.v)) ||
        places.get(a.body) - places.get(b.body))
      .forEach((one) => table.append(one.body));
    heads.forEach((head, i) => head.setAttribute("aria-sort", String(i) === key ? order : "none"));
    sort.value = key;
    reverse.setAttribute("aria-pressed", String(order !== sort.selectedOptions[0].dataset.order));
  }

  function keep(body) {
    const { ratio, fraction, configuration, classifier, from, to } = form.elements;
    const { c, m, d } = body.dataset;
    if (["chance", "absent"].includes(body.className)) return true;
    if (classifier.value && m !== classifier.value) return false;
    if (body.className === "missing") return true;
    if ((from.value && d < from.value) || (to.value && d > to.value)) return false;
    if (["baseline", "twin"].includes(body.className)) return true;
    const parts = CONFIGURATION.exec(c) ?? [];
    return (!configuration.value || c === configuration.value) &&
      (!ratio.value || parts[1] === ratio.value) &&
      (!fraction.value || `${parts[2]} %` === fraction.value);
  }

  function tell() {
    const shown = bodies.filter((body) => !body.hidden).length;
    const what = sort.selectedOptions[0].textContent;
    status.textContent = `${fill(SAY.shown, { n: shown, all: bodies.length })}; ` +
      fill(SAY.sorted_by, { what, order: SAY[order] });
  }

  const filter = () => bodies.forEach((body) => { body.hidden = !keep(body); });

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const first = head.dataset.sort;
      const other = first === "descending" ? "ascending" : "descending";
      order = key === String(column) && order === first ? other : first;
      key = String(column);
      arrange();
      tell();
    });
  });
  sort.addEventListener("change", () => {
    key = sort.value;
    order = sort.selectedOptions[0].dataset.order;
    arrange();
    tell();
  });
  reverse.addEventListener("click", () => {
    order = order === "ascending" ? "descending" : "ascending";
    arrange();
    tell();
  });
  form.addEventListener("change", () => { filter(); tell(); });
  form.addEventListener("input", () => { filter(); tell(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => {
    key = "1";
    order = "ascending";
    arrange();
    filter();
    tell();
  }));
  form.reset();
  tools.hidden = false;
  tools.open = matchMedia("(min-width: 900px)").matches;
}
document.querySelectorAll("table.board").forEach(board);
