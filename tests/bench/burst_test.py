"""The parts of burst.py that could make a measurement lie."""
import asyncio
import json
import pathlib
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from burst import Answer, Burst, Program, send_all, verdict_of  # noqa: E402

OK = json.dumps({"run_id": "x", "outcome": 15, "cmpinfo": "", "stdout": "1\n", "stderr": ""})


class Verdicts(unittest.TestCase):
    def test_what_is_right(self):
        program = Program("c", "", 15, "1\n")
        self.assertEqual(verdict_of(200, OK, program), "right")
        self.assertEqual(verdict_of(200, OK, Program("c", "", 13)), "outcome 15")
        self.assertEqual(verdict_of(200, OK, Program("c", "", 15, "2\n")), "wrong output")
        self.assertEqual(verdict_of(503, OK, program), "HTTP 503")
        for body in ("", "{", "[]", "7", '{"outcome":15}'):
            self.assertEqual(verdict_of(200, body, program), "unreadable")

    def test_percentiles_are_of_right_answers(self):
        answers = [Answer("right", second) for second in range(200, 0, -1)]
        burst = Burst(answers + [Answer("outcome 21", 500), Answer("lost", 1), Answer("lost", 2)])
        self.assertEqual((burst.percentile(50), burst.percentile(95)), (100, 190))
        self.assertEqual(burst.makespan(), 500)
        self.assertEqual(burst.wrong, 3)
        self.assertEqual(burst.failures(), [("lost", 2), ("outcome 21", 1)])
        self.assertIsNone(Burst([Answer("lost", 1)]).percentile(50))


class Sending(unittest.TestCase):
    def send(self, answer_to, programs):
        """Against a server that answers each body by answer_to, or hangs up on None."""
        most_at_once = 0

        async def run():
            nonlocal most_at_once
            now = 0

            async def serve(reader, writer):
                nonlocal now, most_at_once
                now += 1
                most_at_once = max(most_at_once, now)
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                text = answer_to(json.loads(await reader.readexactly(size))["run_spec"])
                if text is not None:
                    writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\n\r\n{text}"
                                 .encode())
                now -= 1
                writer.close()

            async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
                return await send_all(*server.sockets[0].getsockname(), programs, 20)

        return asyncio.run(run()), most_at_once

    def test_every_program_is_sent_and_judged_at_once(self):
        programs = [Program("c", str(number), 15, f"{number}\n") for number in range(50)]
        sent, most_at_once = self.send(
            lambda spec: json.dumps({"outcome": 15, "stdout": spec["sourcecode"] + "\n"}), programs)
        self.assertEqual(sent.failures(), [])
        self.assertEqual(len(sent.answers), 50)
        self.assertEqual(most_at_once, 50)

    def test_a_connection_that_breaks_is_lost(self):
        sent, _ = self.send(lambda spec: OK if spec["sourcecode"] == "good" else None,
                            [Program("c", "good"), Program("c", "bad")])
        self.assertEqual([answer.verdict for answer in sent.answers], ["right", "lost"])

    def test_nobody_listens(self):
        with socket.socket() as silent:  # bound, so that nobody else listens there either
            silent.bind(("127.0.0.1", 0))
            sent = asyncio.run(send_all(*silent.getsockname(), [Program("c", "")], 20))
        self.assertEqual(sent.failures(), [("lost", 1)])


if __name__ == "__main__":
    unittest.main()
