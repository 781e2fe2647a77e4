const items = [...document.querySelectorAll("td[id]")].map((cell) => cell.id);

async function send(method, path) {
  const response = await fetch(path, { method });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`);
}

// Does the button's work, then loads the page anew, which shows what came of it. Nothing can be clicked until then:
// the new page would cut off the requests of a second click.
function onClick(id, work) {
  document.getElementById(id).onclick = async () => {
    document.body.inert = true;
    try {
      await work();
      location.reload();
    } catch (error) {
      document.getElementById("problem").textContent = error.message;
      document.body.inert = false;
    }
  };
}

// For each item two requests, which write to the views of two libraries: all of them at once.
onClick("all", async () => {
  const requests = items.flatMap((item) => [
    ["POST", `/basket/${item}`],
    ["GET", `/goods/${item}`],
  ]);
  // Where there is no session, or none any more, the first request starts one. Many at once would start as many,
  // of which the browser keeps one: so the first one goes ahead, and brings the cookie.
  await send(...requests.shift());
  await Promise.all(requests.map((request) => send(...request)));
});

onClick("empty", () => send("DELETE", "/basket"));
