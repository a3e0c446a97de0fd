// A Copy button beside each text that is there to be copied. Without script, the text selects as a whole on a click.
for (const text of document.querySelectorAll('pre.copied')) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'copy';
  button.textContent = 'Copy';
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(text.querySelector('code').textContent);
    button.textContent = 'Copied';
    setTimeout(() => { button.textContent = 'Copy'; }, 2000);
  });
  text.append(button);
}
