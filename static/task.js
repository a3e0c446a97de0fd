// The log of a run as it grows. Without this the page reloads itself.
"use strict";
(() => {
  const task = document.getElementById("task");
  if (!task || task.dataset.runs !== "true") return;
  const log = document.getElementById("log");
  const progress = document.getElementById("progress");
  const events = new EventSource(task.dataset.events);
  events.onmessage = (event) => {
    const said = JSON.parse(event.data);
    const line = document.createElement("li");
    const step = document.createElement("span");
    step.className = "quiet";
    step.textContent = said.step;
    line.append(step, " " + said.message);
    log.append(line);
    const own = [...document.querySelectorAll("[data-step]")].find((it) => it.dataset.step === said.step);
    if (own && said.status) own.querySelector("[data-status]").textContent = said.status;
    const open = ["open", "processing"];
    const all = [...document.querySelectorAll("[data-status]")];
    progress.value = all.filter((it) => !open.includes(it.textContent)).length;
  };
  events.addEventListener("end", () => {
    events.close();
    location.reload();
  });
})();
