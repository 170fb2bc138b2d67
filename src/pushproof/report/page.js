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
  document.querySelectorAll(".filter").forEach(function (form) {
    var rows = Array.from(document.querySelectorAll("#" + form.dataset.table + " tbody tr"));
    var words = form.querySelector("input[type=search]"), shown = form.querySelector("output");
    var boxes = Array.from(form.querySelectorAll("input[type=checkbox]"));
    function apply() {
      var wanted = words.value.toLowerCase(), kinds = boxes.filter(function (b) { return b.checked; }).map(function (b) { return b.value; });
      var count = 0;
      rows.forEach(function (row) {
        row.hidden = !(kinds.indexOf(row.dataset.kind) >= 0 && (!wanted || row.textContent.toLowerCase().indexOf(wanted) >= 0));
        if (!row.hidden) count += 1;
      });
      shown.textContent = count + " of " + rows.length;
    }
    form.hidden = false;
    form.addEventListener("input", apply);
    form.addEventListener("submit", function (event) { event.preventDefault(); });
    apply();
  });
  function open() {
    var place = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!place) return;
    for (var at = place; at; at = at.parentElement) { if (at.tagName === "DETAILS") at.open = true; at.hidden = false; }
    place.scrollIntoView();
  }
  addEventListener("hashchange", open);
  open();
  addEventListener("beforeprint", function () { document.querySelectorAll("details").forEach(function (d) { d.open = true; }); });
  if (document.getElementById("live")) {
    var live = document.getElementById("live"), waiting = false;
    var source = new EventSource("ui/events");
    source.addEventListener("change", function () {
      if (waiting) return;
      waiting = true;
      setTimeout(function () {
        fetch("ui?part=main", { credentials: "same-origin" }).then(function (answer) { return answer.ok ? answer.text() : Promise.reject(); })
          .then(function (text) {
            var fresh = new DOMParser().parseFromString(text, "text/html");
            ["main", "header .numbers", "h1"].forEach(function (part) {
              var from = fresh.querySelector(part), to = document.querySelector(part);
              if (from && to) to.replaceWith(document.importNode(from, true));
            });
            live.textContent = "live, " + new Date().toLocaleTimeString();
          }, function () { live.textContent = "not answering"; }).then(function () { waiting = false; });
      }, 500);
    });
    source.onerror = function () { live.textContent = "not connected"; };
    source.onopen = function () { live.textContent = "live"; };
  }
})();
