// The one script of a report: a slider that shows one step's page tables at a time.
// Without it every step stands below the other; it reads and changes nothing but what is shown.
// From: nothing outside; its hash is the only one that the document's policy allows.

/** ASCII only: the hash is taken over its bytes. */
export const SCRIPT = `for (const figure of document.querySelectorAll("[data-steps]")) {
  const steps = [...figure.querySelectorAll(".step")];
  if (steps.length < 2) continue;
  const line = document.createElement("label");
  const input = document.createElement("input");
  const text = document.createElement("output");
  line.className = "slide";
  input.type = "range";
  input.min = "0";
  input.max = String(steps.length - 1);
  input.value = figure.dataset.steps;
  input.setAttribute("aria-label", "Step");
  text.className = "mono";
  const show = () => {
    steps.forEach((step, index) => { step.hidden = index !== Number(input.value); });
    text.textContent = steps[Number(input.value)].dataset.name;
    input.setAttribute("aria-valuetext", text.textContent);
  };
  input.addEventListener("input", show);
  line.append("Step", input, text);
  figure.classList.add("live");
  figure.prepend(line);
  show();
}`;
