const items = [...document.querySelectorAll("td[id]")].map((cell) => cell.id);
let hasSession = document.body.dataset.hasSession === "true";

async function send(method, path) {
  const response = await fetch(path, { method });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`);
}

// For each item two requests, which write to the views of two libraries: all of them at once.
document.getElementById("all").onclick = async () => {
  const requests = items.flatMap((item) => [
    ["POST", `/basket/${item}`],
    ["GET", `/goods/${item}`],
  ]);
  // A newcomer's first request starts the session. Many at once would start as many sessions,
  // of which the browser keeps one: so the first one goes ahead, and brings the cookie.
  if (!hasSession) await send(...requests.shift());
  hasSession = true;
  await Promise.all(requests.map((request) => send(...request)));
  location.reload();
};

document.getElementById("empty").onclick = async () => {
  await send("DELETE", "/basket");
  location.reload();
};
