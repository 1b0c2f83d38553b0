"""Checks of a page as expressions of JavaScript; each gives the list of what is wrong."""

from __future__ import annotations

CONTRAST = """(() => {
  const channel = (c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
  const parse = (text) => {
    const n = text.match(/[\\d.]+/g).map(Number);
    return { rgb: n.slice(0, 3), alpha: n.length > 3 ? n[3] : 1 };
  };
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const background = (one) => {
    for (let at = one; at; at = at.parentElement) {
      const found = parse(getComputedStyle(at).backgroundColor);
      if (found.alpha === 1) return found.rgb;
    }
    return [255, 255, 255];
  };
  const wrong = new Map();
  document.querySelectorAll("body *").forEach((one) => {
    const text = [...one.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data).join("").trim();
    if (!text || !one.checkVisibility({ visibilityProperty: true }) || one.matches("script, style, title, option")) return;
    const style = getComputedStyle(one);
    const ink = parse(one instanceof SVGElement ? style.fill : style.color).rgb;
    const [a, b] = [luminance(ink), luminance(background(one))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) wrong.set(`${one.tagName} ${one.getAttribute("class") ?? ""}`, `${ratio.toFixed(2)} ${text.slice(0, 40)}`);
  });
  return [...wrong];
})()"""  # noqa: E501
"""Text whose contrast with what is behind it is below 4.5 (WCAG 2.2, 1.4.3)."""

OVERFLOW = """(() => {
  const width = document.documentElement.clientWidth;
  const wrong = document.documentElement.scrollWidth > width ? ["the page scrolls sideways"] : [];
  document.querySelectorAll("body *").forEach((one) => {
    if (one.closest("svg, table, .groups") || !one.checkVisibility()) return;
    const box = one.getBoundingClientRect();
    if (box.right > width + 1 || box.left < -1) wrong.push(`${one.tagName}.${one.className} sticks out`);
    const size = parseFloat(getComputedStyle(one).fontSize);
    if (size < 11 && one.textContent.trim()) wrong.push(`${one.tagName}.${one.className} ${size} px`);
  });
  return wrong;
})()"""  # noqa: E501
"""What sticks out of the page at its sides, and text below 11 px."""

HEADINGS = """(() => {
  const levels = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((h) => Number(h.tagName[1]));
  const wrong = levels.filter((n) => n === 1).length === 1 && levels[0] === 1 ? [] : ["not one h1 at the top"];
  levels.forEach((n, i) => { if (i && n - levels[i - 1] > 1) wrong.push(`h${levels[i - 1]} to h${n}`); });
  return wrong;
})()"""  # noqa: E501
"""Headings out of order."""

TABLES = """(() => {
  const wrong = [];
  document.querySelectorAll("table").forEach((t) => {
    if (!t.caption?.textContent.trim()) wrong.push("a table without caption");
    t.querySelectorAll("th").forEach((th) => {
      if (!th.scope) wrong.push("th without scope");
      if (!th.textContent.trim()) wrong.push("th without text");
    });
  });
  document.querySelectorAll("[role=region]").forEach((r) => {
    const name = r.getAttribute("aria-label") ?? document.getElementById(r.getAttribute("aria-labelledby"))?.textContent;
    if (!name || r.tabIndex !== 0) wrong.push("a region without name or out of reach");
  });
  document.querySelectorAll("svg").forEach((s) => {
    if (s.getAttribute("aria-hidden") !== "true" && !s.getAttribute("aria-label")) wrong.push("a picture without words");
  });
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  if (new Set(ids).size !== ids.length) wrong.push("an id twice");
  return wrong;
})()"""  # noqa: E501
"""Tables, regions and pictures that a screen reader could not name."""
