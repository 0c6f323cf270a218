// SPDX-License-Identifier: GPL-3.0-or-later
// Filters the containers as one types, and keeps what was typed in the address, so that it can be sent as a link.
'use strict';
{
  const find = document.getElementById('find');
  const said = document.querySelector('output');
  const hosts = [...document.querySelectorAll('#hosts > .machine')].map((section) => ({
    section,
    lines: [...section.querySelectorAll('.wires > li, .cards > li, .ports > li')].map((line) => ({
      line, text: line.textContent.toLowerCase(),
    })),
    name: section.querySelector('h2').textContent.toLowerCase(),
  }));

  const filter = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const { section, lines, name } of hosts) {
      let shown = 0;
      for (const { line, text } of lines) {
        const fits = words.every((word) => text.includes(word) || name.includes(word));
        line.hidden = !fits;
        shown += fits;
      }
      for (const group of section.querySelectorAll('.box > section')) {
        group.hidden = words.length > 0 && !group.querySelector(':scope > ul > li:not([hidden])');
      }
      section.hidden = words.length > 0 && shown === 0;
      count += shown;
    }
    said.textContent = words.length ? `${count} found` : '';
  };

  const read = () => {
    if (location.hash.startsWith('#find=')) {
      find.value = decodeURIComponent(location.hash.slice(6));
      filter();
    }
  };

  find.addEventListener('input', () => {
    filter();
    location.replace(`#find=${encodeURIComponent(find.value)}`);
  });
  find.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') {
      find.value = '';
      filter();
      location.replace('#find=');
    }
  });
  document.addEventListener('keydown', (event) => {
    if (event.key === '/' && document.activeElement !== find) {
      event.preventDefault();
      find.focus();
    }
  });
  window.addEventListener('hashchange', read);
  document.getElementById('search').hidden = false;
  read();
}
