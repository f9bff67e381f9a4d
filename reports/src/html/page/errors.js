// First of all: what goes wrong in the page is shown in it, and kept for whoever tests it.
'use strict';

window.highwater = { errors: [] };

{
  const note = (text) => {
    window.highwater.errors.push(text);
    const node = document.getElementById('broken');
    if (!node) return;
    node.hidden = false;
    node.textContent = `This page is broken (${text}). The verdict above holds; please report this with the recording.`;
  };
  window.addEventListener('error', (event) => note(event.message));
  window.addEventListener('unhandledrejection', (event) => note(String(event.reason)));
  document.addEventListener('securitypolicyviolation', (event) => note(`refused: ${event.violatedDirective}`));
}
