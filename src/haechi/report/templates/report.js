(() => {
  "use strict";
  const root = document.documentElement;
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const one = (id) => document.getElementById(id);
  const cards = all("#controls > details").map((card) => ({
    card, severity: card.dataset.severity, text: card.textContent.toLowerCase(),
    rows: all("tr.said", card).map((row) => ({ row, status: row.dataset.status, hosts: row.dataset.hosts.split(" ") })),
  }));
  const picked = (name) => all(`#filter input[name=${name}]:checked`).map((box) => box.value);

  function show() {
    const words = one("q").value.toLowerCase().split(/\s+/).filter(Boolean);
    const host = one("host").value, status = picked("status"), severity = picked("severity");
    let shown = 0;
    for (const { card, severity: level, text, rows } of cards) {
      let fits = 0;
      for (const { row, status: said, hosts } of rows) {
        row.hidden = (status.length && !status.includes(said)) || (host && !hosts.includes(host));
        if (!row.hidden) fits += 1;
      }
      const wanted = (!severity.length || severity.includes(level)) && words.every((word) => text.includes(word));
      card.hidden = !wanted || (!fits && Boolean(status.length || host));
      if (!card.hidden) shown += 1;
    }
    const told = one("shown");
    told.textContent = told.dataset[root.dataset.lang].replace("%shown%", shown).replace("%all%", cards.length);
    one("nothing").hidden = shown > 0;
  }

  const reveal = () => {
    const name = decodeURIComponent(location.hash.slice(1));
    const target = name && one(name);
    if (!target) return;
    const card = target.closest("details");
    if (!card) return;
    if (card.hidden) { one("filter").reset(); show(); }
    card.open = true;
    target.scrollIntoView();
  };

  one("filter").addEventListener("input", show);
  one("filter").addEventListener("submit", (event) => event.preventDefault());
  one("filter").addEventListener("reset", () => setTimeout(show));
  for (const button of all("[data-open], [data-close]")) {
    const section = one(button.dataset.open || button.dataset.close);
    button.addEventListener("click", () => all("details", section).forEach((card) => { card.open = "open" in button.dataset; }));
  }
  window.addEventListener("hashchange", reveal);
  document.addEventListener("spoken", show);
  reveal();
})();
