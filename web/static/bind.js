// A link from the till: one tap gives the card to this phone.

import { canKeep, take } from "./phone.js";

const button = document.getElementById("bind");
const show = (id) => { document.getElementById(id).hidden = false; };

if (canKeep()) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    const card = await take(location.pathname);
    if (card) location.replace(`/c/${card.token}`);
    else show("too-late");
  });
} else {
  show("plain");
}
