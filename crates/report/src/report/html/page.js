// Sorting, filtering, two runs side by side, any two costs against each other, light and dark. Without it, the page still
// shows everything.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const element = (name, text, attributes = {}) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };

  // Light and dark: the system's until somebody chooses.
  const theme = byId("theme");
  const root = document.documentElement;
  const isDark = () => root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  const tellTheme = () => { theme.textContent = isDark() ? "Light" : "Dark"; };
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    tellTheme();
  });
  tellTheme();

  // Sorting: every table with sortable headings.
  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    const original = [...body.rows];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, index) => {
      head.querySelector("button").addEventListener("click", () => {
        const next = { none: "ascending", ascending: "descending", descending: "none" };
        const order = next[head.getAttribute("aria-sort") || "none"];
        heads.forEach((other) => other.setAttribute("aria-sort", "none"));
        head.setAttribute("aria-sort", order);
        const key = (row) => row.cells[index].dataset.value;
        const compare = (one, other) => {
          const [a, b] = [key(one), key(other)];
          // What is not there stands last, whichever way.
          if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
          const sign = order === "descending" ? -1 : 1;
          return sign * (head.classList.contains("figure") ? Number(a) - Number(b) : a.localeCompare(b, "en"));
        };
        const rows = order === "none" ? original : [...original].sort(compare);
        body.append(...rows);
      });
    });
  }

  // Filtering: words that must all occur, and choices.
  const filter = byId("filter");
  const choices = [...document.querySelectorAll("select[data-filter]")];
  const rows = [...byId("records-table").tBodies[0].rows];
  const applyFilter = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const fits = words.every((word) => text.includes(word))
        && choices.every((choice) => !choice.value || row.dataset[choice.dataset.filter] === choice.value);
      row.hidden = !fits;
      shown += fits;
    }
    byId("shown").textContent = `${shown} of ${rows.length} records`;
  };
  filter.addEventListener("input", applyFilter);
  choices.forEach((choice) => choice.addEventListener("change", applyFilter));
  byId("clear").addEventListener("click", () => {
    filter.value = "";
    choices.forEach((choice) => { choice.value = ""; });
    applyFilter();
    filter.focus();
  });
  applyFilter();

  // A link to an experiment opens it.
  const openTarget = () => {
    const target = location.hash && byId(decodeURIComponent(location.hash.slice(1)));
    if (target && target.tagName === "DETAILS") {
      target.open = true;
      target.scrollIntoView();
    }
  };
  addEventListener("hashchange", openTarget);
  openTarget();
  byId("open-all").addEventListener("click", () => {
    const all = [...document.querySelectorAll("details.experiment")];
    const open = all.some((details) => !details.open);
    all.forEach((details) => { details.open = open; });
  });

  // Two runs side by side.
  const columns = data.columns;
  const column = (name) => columns.findIndex((one) => one.name === name);
  const [left, right] = [byId("left-run"), byId("right-run")];
  const show = (value) => {
    if (value === null) return "-";
    if (typeof value !== "number") return String(value);
    return Number.isInteger(value) ? value.toLocaleString("en") : String(Number(value.toPrecision(4)));
  };
  const compareRuns = () => {
    const [a, b] = [data.rows[left.value], data.rows[right.value]];
    const sameMachine = ["machine", "threads"].every((name) => a[column(name)] === b[column(name)]);
    const body = byId("runs-table").tBodies[0];
    body.replaceChildren();
    columns.forEach((one, index) => {
      const [x, y] = [a[index], b[index]];
      if (x === null && y === null) return;
      const row = element("tr");
      const cells = [element("td", one.name.replaceAll("_", " "))];
      const figure = typeof x === "number" || typeof y === "number";
      for (const value of [x, y]) cells.push(element("td", show(value), { class: figure ? "figure" : "words" }));
      let [difference, ratio] = ["", ""];
      const ofMachine = one.name.endsWith("_seconds") || one.name.endsWith("_peak_bytes");
      if (figure && x !== null && y !== null) {
        if (ofMachine && !sameMachine) {
          difference = "another machine or threads";
        } else {
          difference = (y > x ? "+" : "") + show(y - x);
          if (x > 0) ratio = `× ${(y / x).toPrecision(3)}`;
        }
      } else if (x !== y) {
        difference = "differs";
      }
      cells.push(element("td", difference, { class: "figure" }), element("td", ratio, { class: "figure" }));
      row.append(...cells);
      body.append(row);
    });
  };
  data.rows.forEach((row, index) => {
    for (const choice of [left, right]) choice.append(element("option", row[column("label")], { value: index }));
  });
  right.value = Math.min(1, data.rows.length - 1);
  [left, right].forEach((choice) => choice.addEventListener("change", compareRuns));
  compareRuns();

  // Any two costs against each other.
  const [across, up] = [byId("trade-x"), byId("trade-y")];
  data.costs.forEach((cost, index) => {
    for (const choice of [across, up]) choice.append(element("option", cost.label, { value: index }));
  });
  up.value = Math.min(2, data.costs.length - 1);
  const machine = byId("trade-machine");
  const machines = {};
  for (const { machine: name } of data.headlines) machines[name] = (machines[name] || 0) + 1;
  for (const name of Object.keys(machines).sort((one, other) => machines[other] - machines[one])) {
    machine.append(element("option", name, { value: name }));
  }
  const NAMESPACE = "http://www.w3.org/2000/svg";
  const shape = (name, attributes, text) => {
    const made = document.createElementNS(NAMESPACE, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const short = (value) => {
    for (const [size, unit] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
      if (value >= size) return `${Number((value / size).toPrecision(3))}${unit}`;
    }
    return String(Number(value.toPrecision(3)));
  };
  const colors = { direct: "#0072B2", study: "#D55E00", committed: "#009E73" };
  const tradePlot = () => {
    const [width, height, edge] = [900, 460, { left: 76, right: 20, top: 16, bottom: 52 }];
    const [x, y] = [data.costs[across.value], data.costs[up.value]];
    // Times of two machines are never set against each other.
    const ofMachine = x.of_machine || y.of_machine;
    machine.disabled = !ofMachine;
    const points = x.values
      .map((value, index) => ({ x: value, y: y.values[index], ...data.headlines[index] }))
      .filter((point) => point.x !== null && point.y !== null && (!ofMachine || point.machine === machine.value));
    const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${y.label} against ${x.label}` });
    const scale = (values, from, to) => {
      let [low, high] = [Math.min(...values), Math.max(...values)].map(Math.log10);
      const room = Math.max(0.08 * (high - low), 0.1);
      [low, high] = [low - room, high + room];
      const place = (value) => from + (to - from) * (Math.log10(value) - low) / (high - low);
      const ticks = [];
      const digits = high - low < 1.3 ? [1, 2, 5] : high - low < 2.2 ? [1, 3] : [1];
      for (let exponent = Math.floor(low); exponent <= high; exponent += 1) {
        for (const digit of digits) {
          const value = digit * 10 ** exponent;
          if (Math.log10(value) >= low && Math.log10(value) <= high) ticks.push(value);
        }
      }
      return { place, ticks };
    };
    if (points.length) {
      const xs = scale(points.map((point) => point.x), edge.left, width - edge.right);
      const ys = scale(points.map((point) => point.y), height - edge.bottom, edge.top);
      const bottom = height - edge.bottom;
      for (const tick of xs.ticks) {
        const at = xs.place(tick);
        svg.append(shape("line", { x1: at, x2: at, y1: edge.top, y2: bottom, stroke: "#E3E3E3" }));
        svg.append(shape("text", { x: at, y: bottom + 18, "text-anchor": "middle", "font-size": 12, fill: "#1A1A1A" }, short(tick)));
      }
      for (const tick of ys.ticks) {
        const at = ys.place(tick);
        svg.append(shape("line", { x1: edge.left, x2: width - edge.right, y1: at, y2: at, stroke: "#E3E3E3" }));
        svg.append(shape("text", { x: edge.left - 8, y: at + 4, "text-anchor": "end", "font-size": 12, fill: "#1A1A1A" }, short(tick)));
      }
      svg.append(shape("path", { d: `M${edge.left} ${edge.top}V${bottom}H${width - edge.right}`, fill: "none", stroke: "#1A1A1A" }));
      const front = [];
      for (const point of [...points].sort((one, other) => one.x - other.x || one.y - other.y)) {
        if (!front.length || point.y < front[front.length - 1].y) front.push(point);
      }
      const steps = front.map((point, index) => {
        const at = `${xs.place(point.x)} ${ys.place(point.y)}`;
        return index ? `H${xs.place(point.x)}L${at}` : `M${at}`;
      });
      svg.append(shape("path", { d: steps.join(""), fill: "none", stroke: "#6B6B6B" }));
      for (const point of points) {
        const mark = shape("circle", {
          cx: xs.place(point.x), cy: ys.place(point.y), r: 5, tabindex: 0,
          fill: point.circuit === "study" ? "#FFFFFF" : colors[point.circuit] || "#6B6B6B",
          stroke: colors[point.circuit] || "#6B6B6B", "stroke-width": 2,
        });
        mark.append(shape("title", {}, `${point.label}: ${x.label} ${short(point.x)}, ${y.label} ${short(point.y)}`));
        svg.append(mark);
      }
      // Labels of the front, as many as find a place.
      const taken = points.map((point) => [xs.place(point.x) - 6, ys.place(point.y) - 6, 12, 12]);
      for (const point of front) {
        const [at, down, size] = [xs.place(point.x), ys.place(point.y), 6.3 * point.label.length];
        const places = [[at + 9, down - 16], [at + 9, down + 4], [at - size - 9, down - 16], [at - size - 9, down + 4]];
        const free = places.find(([px, py]) => px > edge.left && px + size < width && py > 0
          && taken.every(([tx, ty, tw, th]) => px > tx + tw || px + size < tx || py > ty + th || py + 13 < ty));
        if (free) {
          taken.push([free[0], free[1], size, 13]);
          svg.append(shape("text", { x: free[0], y: free[1] + 11, "font-size": 11, fill: "#1A1A1A" }, point.label));
        }
      }
      svg.append(shape("text", { x: (edge.left + width) / 2, y: height - 10, "text-anchor": "middle", "font-size": 13, fill: "#1A1A1A" }, x.label));
      svg.append(shape("text", {
        transform: `translate(16 ${(edge.top + bottom) / 2}) rotate(-90)`, "text-anchor": "middle", "font-size": 13, fill: "#1A1A1A",
      }, y.label));
    }
    byId("trade-plot").replaceChildren(svg);
    byId("trade-count").textContent = `${points.length} records hold both.`;
  };
  [across, up, machine].forEach((choice) => choice.addEventListener("change", tradePlot));
  tradePlot();
})();
