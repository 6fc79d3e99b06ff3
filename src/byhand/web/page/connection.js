// The connection to the server: opened, and opened again by itself whenever it breaks.

const WAITS = [300, 700, 1500, 3000, 5000]; // ms before each further try

/** Why the server does not let this page in, where it is there and says so. */
async function refusal() {
  try {
    const answer = await fetch(location.pathname, { headers: { Accept: "text/plain" } });
    return answer.status === 403 ? (await answer.text()).trim().replace(/\.$/, "") : "";
  } catch {
    return "";
  }
}

/** A WebSocket that comes back; `heard` gets every message as an object, `changed` whether it is open, and why it closed. */
export class Connection {
  constructor(path, heard, changed) {
    this.address = new URL(path, location.href);
    this.address.protocol = this.address.protocol.replace("http", "ws");
    this.heard = heard;
    this.changed = changed;
    this.failures = 0;
    this.open();
  }

  open() {
    const socket = new WebSocket(this.address);
    this.socket = socket;
    socket.onmessage = ({ data }) => {
      this.failures = 0;
      this.heard(JSON.parse(data));
    };
    socket.onopen = () => this.changed(true, "");
    socket.onclose = async ({ reason }) => {
      this.changed(false, reason || (await refusal()));
      setTimeout(() => this.open(), WAITS[Math.min(this.failures, WAITS.length - 1)]);
      this.failures += 1;
    };
  }

  /** Say something; returns whether the connection is open. */
  send(message) {
    if (this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }
}
