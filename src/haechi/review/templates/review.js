(() => {
  "use strict";
  const root = document.documentElement;
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const one = (id) => document.getElementById(id);
  const people = all("#people > details").map((card) => ({
    card, name: card.dataset.account, differs: card.dataset.differs === "true", text: card.textContent.toLowerCase(),
    rows: all("tr.line", card).map((row) => ({ row, hosts: row.dataset.hosts.split(" "), differs: row.dataset.differs === "true" })),
  }));
  const found = all("#differences tr.found").map((row) => ({ row, name: row.dataset.account, host: row.dataset.host }));

  function show() {
    const words = one("q").value.toLowerCase().split(/\s+/).filter(Boolean);
    const person = one("person").value, host = one("host").value, only = one("only").checked;
    let shown = 0;
    for (const { card, name, differs, text, rows } of people) {
      let fits = 0;
      for (const { row, hosts, differs: mine } of rows) {
        row.hidden = (host && !hosts.includes(host)) || (only && !mine);
        if (!row.hidden) fits += 1;
      }
      const wanted = (!person || person === name) && (!only || differs) && words.every((word) => text.includes(word));
      card.hidden = !wanted || !fits;
      if (!card.hidden) shown += 1;
    }
    for (const { row, name, host: where } of found) row.hidden = (person && person !== name) || (host && host !== where);
    const told = one("shown");
    told.textContent = told.dataset[root.dataset.lang].replace("%shown%", shown).replace("%all%", people.length);
    one("nothing").hidden = shown > 0;
  }

  one("filter").addEventListener("input", show);
  one("filter").addEventListener("submit", (event) => event.preventDefault());
  one("filter").addEventListener("reset", () => setTimeout(show));
  document.addEventListener("spoken", show);
})();
