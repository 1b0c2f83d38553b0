// Elements and small charts, in the look of the charts that Python draws. Text is set as text:
// nothing of a record is ever read as markup.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  Object.entries(attributes).forEach(([key, text]) => made.setAttribute(key, text));
  made.append(...children.filter((child) => child !== null));
  return made;
}

const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, SAY.thousands);
const decimal = (n) => (n === null || n === undefined ? "\u2013" : (n / 1000).toFixed(3));
const signed = (n) =>
  n === null || n === undefined ? "\u2013" : (n > 0 ? "+" : n < 0 ? "\u2212" : "") + decimal(Math.abs(n));

class Chart {
  // A plot area: x and y are data ranges.
  constructor(width, height, x, y, margins = { left: 38, right: 8, top: 8, bottom: 20 }) {
    Object.assign(this, { width, height, x, y, ...margins });
    this.svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("role", "img");
  }
  px(x) {
    const inner = this.width - this.left - this.right;
    return this.left + ((x - this.x[0]) / (this.x[1] - this.x[0] || 1)) * inner;
  }
  py(y) {
    const inner = this.height - this.top - this.bottom;
    return this.height - this.bottom - ((y - this.y[0]) / (this.y[1] - this.y[0] || 1)) * inner;
  }
  add(name, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    if (text !== undefined) made.textContent = text;
    this.svg.append(made);
  }
  line(x1, y1, x2, y2, css) {
    this.add("path", { d: `M${x1.toFixed(1)} ${y1.toFixed(1)}L${x2.toFixed(1)} ${y2.toFixed(1)}`, class: css });
  }
  text(x, y, text, css, anchor = "middle") {
    this.add("text", { x: x.toFixed(1), y: y.toFixed(1), class: css, "text-anchor": anchor }, text);
  }
  grid(marks, digits) {
    marks.forEach((mark) => {
      this.line(this.left, this.py(mark), this.width - this.right, this.py(mark), "grid");
      this.text(this.left - 5, this.py(mark) + 3.5, mark.toFixed(digits), "tick", "end");
    });
  }
  // A line through points; null breaks it, and a point alone is a dot.
  path(points, css, dash = "") {
    let run = [];
    [...points, null].forEach((point) => {
      if (point !== null) {
        run.push(`${this.px(point[0]).toFixed(1)},${this.py(point[1]).toFixed(1)}`);
        return;
      }
      if (run.length === 1) {
        const [cx, cy] = run[0].split(",");
        this.add("circle", { cx, cy, r: 1.6, class: `${css} dot` });
      } else if (run.length) {
        this.add("polyline", { points: run.join(" "), class: css, ...(dash && { "stroke-dasharray": dash }) });
      }
      run = [];
    });
  }
  figure(css, said, caption) {
    this.svg.setAttribute("class", css);
    this.svg.setAttribute("aria-label", said);
    return element("figure", {}, element("figcaption", {}, caption), this.svg);
  }
}

// Round steps that cover 0 to top.
function steps(top, about) {
  const raw = Math.max(top, 1e-9) / about;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((one) => one >= raw * 0.999);
  const digits = [0, 1, 2, 3, 4].find((n) => Math.abs(step * 10 ** n - Math.round(step * 10 ** n)) < 1e-6) ?? 5;
  const marks = [];
  for (let i = 0; i <= Math.ceil(top / step - 1e-9) || i < 2; i += 1) marks.push(i * step);
  return [marks, digits];
}

function trainingCharts([epochs, best, series], run) {
  return ["loss", "accuracy", "precision", "recall"].map((name, i) => {
    const lines = [series[2 * i], series[2 * i + 1]].map((values) =>
      values.map((v, k) => (v === null ? null : [epochs[k], v / 1000])));
    const values = lines.flat().filter((point) => point !== null).map((point) => point[1]);
    const [marks, digits] = name === "loss"
      ? steps(Math.max(...values, 0) || 1, 3) : [[0, 0.25, 0.5, 0.75, 1], 2];
    const [first, last] = [epochs[0], epochs[epochs.length - 1]];
    const chart = new Chart(240, 130, [first, last > first ? last : first + 1], [marks[0], marks[marks.length - 1]]);
    chart.grid(marks, digits);
    chart.text(chart.px(first), 126, first, "tick");
    if (last > first) chart.text(chart.px(last), 126, fill(SAY.epoch, { n: last }), "tick", "end");
    if (best !== null && first <= best && best <= last) {
      chart.line(chart.px(best), chart.top, chart.px(best), chart.height - chart.bottom, "best");
    }
    chart.path(lines[0], "train");
    chart.path(lines[1], "val", "5 3");
    const ends = lines.map((points, part) => {
      const known = points.filter((point) => point !== null);
      return fill(SAY.ends_at, {
        name: part ? SAY.validation : SAY.train,
        value: known.length ? known[known.length - 1][1].toFixed(3) : SAY.undefined,
      });
    });
    return chart.figure("curve", `${SAY[name]}, ${run}: ${ends.join(", ")}`, SAY[name]);
  });
}

function square(xName, yName) {
  const chart = new Chart(260, 240, [0, 1], [0, 1], { left: 50, right: 10, top: 10, bottom: 40 });
  chart.grid([0, 0.25, 0.5, 0.75, 1], 2);
  [0, 0.5, 1].forEach((mark) =>
    chart.text(chart.px(mark), 216, mark.toFixed(1), "tick", mark === 1 ? "end" : "middle"));
  chart.text((chart.px(0) + chart.px(1)) / 2, 234, xName, "tick");
  chart.add("text", {
    x: 0, y: 0, class: "tick", "text-anchor": "middle", transform: `translate(11 ${chart.py(0.5)}) rotate(-90)`,
  }, yName);
  return chart;
}

// ROC and precision-recall from counts at falling cuts; the ring is the operating point.
function cutCharts([fp, tp, [fpHere, tpHere]], run) {
  const normal = fp[fp.length - 1];
  const cancer = tp[tp.length - 1];
  const roc = square(SAY.roc_x, SAY.roc_y);
  roc.line(roc.px(0), roc.py(0), roc.px(1), roc.py(1), "chance");
  roc.path(tp.map((n, i) => [fp[i] / normal, n / cancer]), "s0");
  const here = [fpHere / normal, tpHere / cancer];
  const ring = (chart, [x, y]) =>
    chart.add("circle", { cx: chart.px(x).toFixed(1), cy: chart.py(y).toFixed(1), r: 4.5, class: "here" });
  ring(roc, here);
  const pr = square(SAY.pr_x, SAY.pr_y);
  const prevalence = cancer / (cancer + normal);
  pr.line(pr.px(0), pr.py(prevalence), pr.px(1), pr.py(prevalence), "chance");
  // A step: at a recall stands the precision of the first cut that reaches it.
  const corners = [];
  tp.forEach((n, i) => {
    if (n === 0 || n === tp[i - 1]) return;
    const precision = n / (n + fp[i]);
    corners.push([(tp[i - 1] ?? 0) / cancer, precision], [n / cancer, precision]);
  });
  pr.path(corners, "s0");
  const called = fpHere + tpHere;
  if (called) ring(pr, [here[1], tpHere / called]);
  const point = `${SAY.roc_y} ${here[1].toFixed(3)}, ${SAY.roc_x} ${here[0].toFixed(3)}`;
  const other = `${SAY.pr_x} ${here[1].toFixed(3)}, ${SAY.pr_y} ${called ? (tpHere / called).toFixed(3) : SAY.undefined}`;
  return [
    roc.figure("cuts", `${SAY.roc}, ${run}: ${SAY.operating_point} ${point}`, SAY.roc),
    pr.figure("cuts", `${SAY.pr}, ${run}: ${SAY.operating_point} ${other}`, SAY.pr),
  ];
}
