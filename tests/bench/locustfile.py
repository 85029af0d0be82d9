"""Students for Locust: each sends a short Python program, reads the answer, thinks 1 to 5 seconds.

Right is HTTP 200 with outcome 15 and the program's own output; anything else is a failure.
"""
import random

from locust import HttpUser, between, task


class Student(HttpUser):
    wait_time = between(1, 5)

    @task
    def run_a_program(self):
        number = random.randrange(1_000_000)
        spec = {"language_id": "python3", "sourcecode": f"print({number} * {number})\n",
                "sourcefilename": "prog.py", "input": "", "file_list": [],
                "parameters": {"cputime": 5}}
        with self.client.post("/jobe/index.php/restapi/runs", json={"run_spec": spec},
                              catch_response=True) as answer:
            if answer.status_code != 200:
                answer.failure(f"HTTP {answer.status_code}")
                return
            result = answer.json()
            if result["outcome"] != 15:
                answer.failure(f"outcome {result['outcome']}")
            elif result["stdout"] != f"{number * number}\n":
                answer.failure("wrong output")
