// Sorts a table by the column whose heading is clicked; the page reads the same without it.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0], headings = [...table.tHead.rows[0].cells];
  const said = (row, column) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();
  const asNumber = (text) => parseFloat(text.replace(/[,<>]/g, "").replace("−", "-"));
  const byNumber = (column, sign) => (a, b) => {
    const [u, v] = [asNumber(said(a, column)), asNumber(said(b, column))];
    return Number.isNaN(u) - Number.isNaN(v) || sign * (u - v) || 0;
  };
  const byText = (column, sign) => (a, b) => sign * said(a, column).localeCompare(said(b, column));
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const sign = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
      const order = heading.classList.contains("num") ? byNumber(column, sign) : byText(column, sign);
      body.append(...[...body.rows].sort(order));
    });
  });
}
