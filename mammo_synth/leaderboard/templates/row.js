// Draws what a row opens to, when it is opened. What the letters of a run mean is written in
// mammo_synth/leaderboard/detail.py.
const SPLITS = { real_test: "real_test", test: SAY.own_test };

const pairs = (items) => element("dl", { class: "kv" },
  ...items.flatMap(([key, text]) => [element("dt", {}, key), element("dd", {}, text)]));

const block = (title, ...content) => element("div", {}, element("h4", {}, title), ...content);

function estimate([value, low, high]) {
  const interval = low === undefined ? null : element("small", {}, `${decimal(low)}\u2013${decimal(high)}`);
  return element("td", {}, decimal(value), interval);
}

function table(css, caption, heads, rows) {
  return element("table", { class: css },
    element("caption", {}, element("span", {}, caption)),
    element("thead", {}, element("tr", {}, element("td"), ...heads.map((text) => element("th", { scope: "col" }, text)))),
    element("tbody", {}, ...rows.map(([head, ...cells]) => element("tr", {}, element("th", { scope: "row" }, head), ...cells))));
}

function facts(row) {
  const found = DATA.metrics.map((name, i) => {
    const m = row.m[i];
    if (typeof m === "string") return [name, m || "\u2013"];
    return [name, decimal(m[0]) + (m.length > 1 ? ` (${decimal(m[1])}\u2013${decimal(m[2])})` : "")];
  });
  const gap = row.g.length > 1 ? ` (${signed(row.g[1])}; ${signed(row.g[2])})` : "";
  found.push([SAY.gap, signed(row.g[0]) + gap], [SAY.operating_point, row.o]);
  if (row.v) found.push([SAY.reading, row.v]);
  return found;
}

function matrix([split, cut, tp, fn, fp, tn]) {
  const cell = (count, total, hit) => element("td", hit ? { class: "hit" } : {}, grouped(count),
    element("small", {}, total ? `${((100 * count) / total).toFixed(1)}%` : "\u2013"));
  return element("div", {}, table("mini matrix",
    fill(SAY.confusion, { split: SPLITS[split], cut: decimal(cut) }),
    [SAY.called_cancer, SAY.called_normal],
    [
      [SAY.cancer, cell(tp, tp + fn, true), cell(fn, tp + fn, false)],
      [SAY.normal, cell(fp, fp + tn, false), cell(tn, fp + tn, true)],
    ]));
}

// Wide tables scroll on a phone, by keyboard too.
const region = (label, content) => element("div", { class: "groups", role: "region", tabindex: "0", "aria-label": label }, content);

function images(parts) {
  return region(SAY.images_table, table("mini", SAY.images_table,
    [SAY.cancer, SAY.normal, SAY.synthetic, SAY.real],
    parts.map((counts, i) => [i ? SAY.validation : SAY.train, ...counts.map((n) => element("td", {}, grouped(n)))])));
}

function subgroups(groups) {
  const heads = [SAY.films, SAY.cancer, SAY.patients, ...DATA.groups];
  const rows = groups.map(([column, name, n, cancer, patients, found]) => {
    const head = document.createDocumentFragment();
    head.append(`${column} `, element("strong", {}, name));
    const counts = [n, cancer, patients].map((one) => element("td", {}, grouped(one)));
    const scores = typeof found === "string"
      ? [element("td", { class: "l", colspan: DATA.groups.length }, found)] : found.map(estimate);
    return [head, ...counts, ...scores];
  });
  return region(SAY.subgroups, table("mini", SAY.subgroups, heads, rows));
}

function provenance(run) {
  const [sha256, created, tests] = run.h;
  const found = [[SAY.record_file, run.p], ["sha256", sha256], [SAY.date.toLowerCase(), created]];
  if (run.w) {
    const [epochs, best, seconds] = run.w;
    const n = epochs ?? "\u2013";
    found.push([SAY.epochs, best === null ? String(n) : fill(SAY.epochs_best, { n, best })]);
    found.push([SAY.seconds, String(seconds)]);
  }
  tests.forEach(([split, digest]) =>
    found.push([fill(SAY.test_set, { split: SPLITS[split] }), DATA.shared[digest]]));
  tests.forEach(([split, , predictions]) =>
    found.push([fill(SAY.predictions, { split: SPLITS[split] }), predictions]));
  return found;
}

function runDetail(row, run, open) {
  const made = element("details", { class: "run" }, element("summary", {}, run.n));
  made.open = open;
  const name = `${row.n}, ${run.n}`;
  if (run.c) {
    made.append(element("h4", {}, SAY.curves), element("p", { class: "small" }, SAY.curves_note),
      element("div", { class: "four" }, ...trainingCharts(run.c, name)));
  } else {
    made.append(element("p", { class: "small" }, run.w ? SAY.no_curves : SAY.no_curves_brought));
  }
  made.append(
    element("div", { class: "two" }, ...cutCharts(run.r, name)),
    element("p", { class: "small" }, fill(SAY.roc_note, { n: DATA.points })),
    element("div", { class: "cols" }, ...run.x.map(matrix), run.i ? images(run.i) : null));
  if (run.g) made.append(subgroups(run.g));
  if (run.k !== undefined) made.append(element("p", { class: "small" }, DATA.shared[run.k]));
  made.append(element("div", { class: "cols wide" },
    block(SAY.record, pairs(provenance(run))),
    // Of brought predictions nobody knows where they were trained.
    block(run.w ? SAY.environment : SAY.scored_on, pairs(DATA.shared[run.e]))));
  return made;
}

function open(details) {
  const row = DATA.rows[details.id];
  if (!row || details.dataset.drawn) return;
  details.dataset.drawn = "yes";
  const part = (title, items) => element("div", {}, element("h3", {}, title), pairs(items));
  details.querySelector(".panel").append(
    element("div", { class: "cols" }, part(SAY.settings, DATA.shared[row.s]), part(SAY.measured, facts(row))),
    ...row.t.map((run, i) => runDetail(row, run, i === 0)));
}

document.querySelectorAll(".more details").forEach((details) => {
  details.addEventListener("toggle", () => details.open && open(details));
});

// An address with a row's id opens that row.
function follow() {
  const details = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (details && details.closest(".more")) {
    details.open = true;
    details.scrollIntoView({ block: "center" });
  }
}
addEventListener("hashchange", follow);
follow();
