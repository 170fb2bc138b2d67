(function () {
  "use strict";
  var root = document.documentElement, button = document.getElementById("theme");
  var asked = /[?&]theme=(dark|light)\b/.exec(location.search);
  if (asked) root.dataset.theme = asked[1];
  button.hidden = false;
  button.addEventListener("click", function () {
    var dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  function filters() {
    document.querySelectorAll(".filter").forEach(function (form) {
      var rows = Array.from(document.querySelectorAll("#" + form.dataset.table + " tbody tr"));
      var words = form.querySelector("input[type=search]"), shown = form.querySelector("output");
      var boxes = Array.from(form.querySelectorAll("input[type=checkbox]"));
      function apply() {
        var text = words.value.toLowerCase(), kinds = boxes.filter(function (b) { return b.checked; }).map(function (b) { return b.value; });
        var count = 0;
        rows.forEach(function (row) {
          var hide = !(kinds.indexOf(row.dataset.kind) >= 0 && (!text || row.textContent.toLowerCase().indexOf(text) >= 0));
          if (hide !== row.hidden) row.hidden = hide;
          if (!hide) count += 1;
        });
        shown.textContent = count + " of " + rows.length;
      }
      form.hidden = false;
      form.addEventListener("input", apply);
      form.addEventListener("submit", function (event) { event.preventDefault(); });
      apply();
    });
  }
  function open() {
    var place = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!place) return;
    for (var at = place; at; at = at.parentElement) { if (at.tagName === "DETAILS") at.open = true; at.hidden = false; }
    place.scrollIntoView();
  }
  filters();
  addEventListener("hashchange", open);
  open();
  addEventListener("beforeprint", function () { document.querySelectorAll("details").forEach(function (d) { d.open = true; }); });

  var live = document.getElementById("live");
  if (!live) return;
  var waiting = false;
  function inputs() { return Array.from(document.querySelectorAll(".filter input")); }
  function swap(text) {
    var fresh = new DOMParser().parseFromString(text, "text/html"), kept = {}, opened = {};
    inputs().forEach(function (i) { kept[i.form.dataset.table + i.type + (i.type === "checkbox" ? i.value : "")] = i.type === "checkbox" ? i.checked : i.value; });
    document.querySelectorAll("details").forEach(function (d, n) { opened[d.id || n] = d.open; });
    ["main", "ul.numbers", "h1"].forEach(function (part) {
      var from = fresh.querySelector(part), to = document.querySelector(part);
      if (from && to) to.replaceWith(document.importNode(from, true));
    });
    document.querySelectorAll("details").forEach(function (d, n) { if ((d.id || n) in opened) d.open = opened[d.id || n]; });
    inputs().forEach(function (i) {
      var key = i.form.dataset.table + i.type + (i.type === "checkbox" ? i.value : "");
      if (key in kept) { if (i.type === "checkbox") i.checked = kept[key]; else i.value = kept[key]; }
    });
    filters();
  }
  // Without the login that an address may carry: browsers ask for nothing under such a one.
  var base = location.origin + location.pathname, source = new EventSource(base + "/events");
  source.addEventListener("change", function () {
    // Whoever types or reads with the keyboard is not interrupted.
    if (waiting || (document.activeElement && document.activeElement.closest("main"))) return;
    waiting = true;
    fetch(base, { credentials: "same-origin" }).then(function (answer) { return answer.ok ? answer.text() : Promise.reject(answer.status); })
      .then(swap).then(function () { live.textContent = "live, " + new Date().toLocaleTimeString(); }, function () { live.textContent = "not answering"; })
      .then(function () { setTimeout(function () { waiting = false; }, 1000); });
  });
  source.onopen = function () { live.textContent = "live"; };
  source.onerror = function () { live.textContent = "not connected"; };
})();
