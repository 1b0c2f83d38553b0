// Sorts a ranking by a column. Without script the page is complete, in the order of the ranks.
document.querySelectorAll("table.board").forEach((table) => {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    if (!("sort" in head.dataset)) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const now = head.getAttribute("aria-sort");
      const first = head.dataset.sort;
      const other = first === "descending" ? "ascending" : "descending";
      const order = now === first ? other : first;
      heads.forEach((h) => h.hasAttribute("aria-sort") && h.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", order);
      const key = (body) => body.rows[0].cells[column].dataset.v ?? "";
      const sign = order === "ascending" ? 1 : -1;
      const text = "text" in head.dataset;
      // Controls stay below the ranking, and what has no value stays at the end of its group.
      [...table.tBodies]
        .map((body, i) => ({ body, i, v: key(body), last: body.classList.contains("control") }))
        .sort((a, b) =>
          a.last - b.last || (a.v === "") - (b.v === "") ||
          sign * (text ? a.v.localeCompare(b.v, "en") : a.v - b.v) || a.i - b.i)
        .forEach((entry) => table.append(entry.body));
    });
  });
});
