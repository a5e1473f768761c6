"""A worker in a process of its own: works under its lease until it is told that it lost it.

Its one argument is a JSON object: `host`, `port`, `path` (of its session), `key`, `binding`, and
`holder`. It tells each answer as a line of JSON. It holds one call from the beginning that it
reports when it has lost its lease, as a tool that took long would.
"""

import http.client
import json
import sys
from typing import Any

REQUEST_HASH = "ab" * 32
ROUNDS = 1000


def main() -> None:
    asked = json.loads(sys.argv[1])
    line = http.client.HTTPConnection(asked["host"], asked["port"])

    def post(verb: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        headers = {
            "Authorization": f"Bearer {asked['key']}",
            "Content-Type": "application/json",
            "Placet-Binding": asked["binding"],
        }
        line.request("POST", f"{asked['path']}/{verb}", json.dumps(body), headers)
        response = line.getresponse()
        answer = json.loads(response.read())
        told = {"verb": verb, "status": response.status, "code": answer.get("code")}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        return response.status, answer

    def propose() -> dict[str, Any] | None:
        status, prepared = post("preflight", {"request_hash": REQUEST_HASH})
        if status != 200:
            return None
        arguments = json.dumps({"text": "called back"})
        call = {"id": "call_0", "name": "note", "arguments": arguments}
        body = {
            "prepared_request_id": prepared["prepared_request_id"],
            "request_hash": REQUEST_HASH,
            "tool_calls": [call],
        }
        status, answer = post("proposals", body)
        return answer["calls"][0] if status == 200 else None

    def report(call: dict[str, Any]) -> dict[str, Any]:
        body = {
            "call_id": call["call_id"],
            "idempotency_key": call["call_id"],
            "status": "succeeded",
            "arguments_hash": call["arguments_hash"],
            "output": "{}",
        }
        return post("receipts", body)[1]

    renewal = {"action": "renew", "holder": asked["holder"], "ttl_seconds": asked["ttl_seconds"]}
    slow = propose()
    for _ in range(ROUNDS):
        call = propose()
        if call is None:
            break
        report(call)
        post("lease", {**renewal, "request_id": call["call_id"]})
    if slow is not None:
        answer = report(slow)
        sys.stdout.write(json.dumps({"call_id": slow["call_id"], **answer}) + "\n")


main()
