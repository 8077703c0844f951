// The code on a receipt carries the secret behind the # of the address, which browsers keep
// to themselves. It goes into the form, and out of the address and the history.
const secret = document.getElementById("secret");
if (secret && location.hash.length > 1) {
  secret.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname + location.search);
}
