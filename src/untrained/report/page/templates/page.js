"use strict";
(() => {
  const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)");
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const names = JSON.parse(document.getElementById("names").textContent);
  const chosen = {};  // figure -> the group of its traces that is shown
  const probe = document.createElement("i");
  let printed = false;

  // A colour of the page in the theme that it has now: of a variable alone, a browser tells both.
  function colour(name) {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  }

  // Text, lines and scales take the colours of the page; those of the marks suit both themes.
  function themed(figure, name) {
    const { data, layout } = structuredClone(figure);
    const ink = colour("--ink"), soft = colour("--soft"), line = colour("--line"), card = colour("--card");
    layout.font = { ...layout.font, color: ink, family: getComputedStyle(document.body).fontFamily };
    layout.hoverlabel = { ...layout.hoverlabel, bgcolor: card, bordercolor: line, font: { color: ink } };
    layout.modebar = { bgcolor: "rgba(0,0,0,0)", color: soft, activecolor: colour("--accent") };
    if (printed) layout.width = 660;
    for (const axis of Object.keys(layout).filter((key) => /^[xy]axis/.test(key)))
      Object.assign(layout[axis], { gridcolor: line, linecolor: line, tickcolor: line, tickfont: { color: soft } });
    for (const trace of data) {
      const meta = trace.meta || {};
      if (Array.isArray(trace.customdata?.[0])) {  // queries: the page has their architectures once
        const of = meta.of === undefined ? "" : `${meta.of}-`;
        trace.customdata = trace.customdata.map(([place, said]) => [place, said, names[of + place]]);
      }
      if (meta.theme === "ink") {
        if (trace.line) trace.line.color = soft;
        if (trace.marker) trace.marker.color = ink;
      }
      if (meta.theme === "diverging")
        trace.colorscale = [[0, colour("--low")], [0.5, colour("--middle")], [1, colour("--high")]];
      if (meta.theme === "rising") trace.colorscale = [[0, colour("--middle")], [1, colour("--high")]];
      if (meta.group !== undefined) trace.visible = meta.group === (chosen[name] || 0);
    }
    const group = layout.meta?.groups?.[chosen[name] || 0];  // what the axis is then called, and its scale
    if (group) Object.assign(layout.yaxis, { type: group.type, title: { ...layout.yaxis.title, text: group.title } });
    return { data, layout };
  }

  function draw(place) {
    place.dataset.drawn = root.dataset.theme;
    const name = place.dataset.figure, { data, layout } = themed(figures[name], name);
    const modeBarButtons = [["toImage", "zoom2d", "pan2d", "resetScale2d"]];  // none that leads to a network
    const displayModeBar = innerWidth < 700 ? false : "hover";  // it would cover the legend
    const config = { responsive: true, displaylogo: false, displayModeBar, modeBarButtons };
    Plotly.react(place, data, layout, config);
  }

  const places = document.querySelectorAll("[data-figure]"), button = document.getElementById("theme");
  function show(theme) {
    root.dataset.theme = theme;
    button.textContent = theme === "dark" ? "Light" : "Dark";
    // One after another, so that the page answers meanwhile; what is seen comes first.
    const all = [...places], seen = (place) => place.getBoundingClientRect().top < innerHeight;
    const waiting = printed ? [] : [...all.filter(seen), ...all.filter((place) => !seen(place))];
    if (printed) all.forEach(draw);
    const next = () => {
      if (waiting.length && root.dataset.theme === theme && !printed) {
        const place = waiting.shift();
        if (place.dataset.drawn !== theme) draw(place);
        if (waiting.length) setTimeout(next);
        else performance.mark("drawn");
      }
    };
    next();
  }

  root.append(probe);
  button.hidden = false;
  show(dark.matches ? "dark" : "light");
  dark.addEventListener("change", () => show(dark.matches ? "dark" : "light"));
  button.addEventListener("click", () => show(root.dataset.theme === "dark" ? "light" : "dark"));

  let before;
  addEventListener("beforeprint", () => { [before, printed] = [root.dataset.theme, true]; show("light"); });
  addEventListener("afterprint", () => {
    printed = false;
    places.forEach((place) => delete place.dataset.drawn);
    show(before);
  });

  for (const select of document.querySelectorAll("select[data-for]"))
    select.addEventListener("change", () => {
      chosen[select.dataset.for] = Number(select.value);
      draw(document.querySelector(`[data-figure="${select.dataset.for}"]`));
    });

  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
    heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const text = (row) => row.cells[column].dataset.v ?? row.cells[column].textContent.trim();
      const compare = (a, b) => {
        const [x, y] = [text(a), text(b)];
        if (x === "" || y === "") return (x === "") - (y === "");  // what has no value comes last either way
        const way = x - y;
        return (Number.isNaN(way) ? x.localeCompare(y) : way) * (down ? -1 : 1);
      };
      body.append(...[...body.rows].sort(compare));
    }));
  }
})();
