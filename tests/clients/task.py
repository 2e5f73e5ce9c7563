"""A calling task from its creation to its end, and everything that can be asked about it meanwhile."""


from client import call, data, get, post, same, skip, token, true

ACCESS = token()


def detail(task):
    return data(get("/service/cloud/detail", ACCESS, TaskID=task))


def rows(numbers, **more):
    return [{"Mobile": number, "Comments": f"c-{at}", **more} for at, number in enumerate(numbers)]


def create(path, name, details, **more):
    fields = {"TaskName": name, "RobotID": "Welcome call", "SIPLine": "narrow", "Details": details}
    return post(path, {**fields, **more}, ACCESS)


# Numbers that end with 9010 talk for ten minutes; the line has two channels, so that the rest has to wait.
long_talks = [f"+62811000{at}9010" for at in range(6)]
first = data(create("/service/cloud/task", "long talks", rows(long_talks), Type="normal"))["TaskID"]
true("a task has an id", len(first) == 32 and int(first, 16) > 0, first)
second = create(
    "/service/cloud/v2/task",
    "second",
    [
        {"Mobile": "+6281110009001", "Comments": "text", "Debtor": "Siti", "company_name": "PT Maju", "ExtraA": "x", "mock_outcome": "intention_a"},
        {"Mobile": "+6281110019001", "Comments": 4711, "LoanDate": "2029-01-01", "DueDate": "2029-02-01", "Arrears": 12.5},
        {"Mobile": "08111", "Comments": 4712},
        {"Mobile": "+6281110029001", "Comments": "zero", "Arrears": 0},
        {"Mobile": "+6281110039005"},
        {"Mobile": "+6281110049030", "Comments": "by wish"},
    ],
    Perform=1,
    RobotID="Information check",
    SIPLine="wide",
    RobotMethod="single",
    RepeatNumber=2,
    RepeatInterval=5,
)
made = data(second)
refused = {(row["Mobile"], row["Comments"]) for row in made["detail_error_list"]}
same("refused rows", refused, {("08111", 4712), ("+6281110029001", "zero"), ("+6281110049030", "by wish")})
true("with reasons", all(row["reason"] for row in made["detail_error_list"]), made)
second = made["TaskID"]
answer = create("/service/cloud/task", "second", rows(long_talks))
same("a name twice", (answer.status, answer.json()["code"]), (409, 409))
same("a name too long", create("/service/cloud/task", "n" * 64, rows(long_talks)).status, 400)
same("the longest name", create("/service/cloud/task", "n" * 63, rows(long_talks[:1]), SIPLine="wide").status, 200)
same("no rows", post("/service/cloud/task", {"TaskName": "no rows"}, ACCESS).status, 400)

seen = []
for page in (1, 2, 3):
    listed = data(get("/service/cloud/list", ACCESS, Number=2, Page=page, Type="normal"))
    same(f"all tasks, told on page {page}", listed["total"], 3)
    seen += [task["TaskID"] for task in listed["list"]]
true("every task on one page", len(seen) == 3 and {first, second} < set(seen), seen)

skip("30s")
running = detail(first)
same("the task runs", running["Status"], "running")
states = [row["Status"] for row in running["detail"]]
same("two calls at a time", (states.count("calling"), states.count("pending")), (2, 4))
same("in the order of the list", [row["CalleeNumber"] for row in running["detail"]], long_talks)
true(
    "every row has its times",
    all(row["CallStartTime"].endswith("Z") and row["CallEndTime"].endswith("Z") for row in running["detail"]),
)
cancel = {"TaskID": first, "CalleeNumber": long_talks[5]}
same("a number is cancelled", post("/service/cloud/cancelphonecall", cancel, ACCESS).json()["code"], 200)
row = detail(first)["detail"][5]
same("and stays in the list", (row["Status"], "CallStartTime" in row), ("cancelled", False))
cancel["CalleeNumber"] = "+6281999999999"
same("a number of no row", post("/service/cloud/cancelphonecall", cancel, ACCESS).status, 404)

# A call of ten minutes has ended by then, and the next two are running.
skip("11m")
states = [row["Status"] for row in detail(first)["detail"]]
same("calls end and the next begin", states, ["finished"] * 2 + ["calling"] * 2 + ["pending", "cancelled"])
stop = {"TaskID": first, "Action": "Stop"}
data(post("/service/cloud/operation", stop, ACCESS))
states = [row["Status"] for row in detail(first)["detail"]]
same("what runs may end", states, ["finished"] * 2 + ["calling"] * 2 + ["cancelled"] * 2)
same("stopped is stopped", post("/service/cloud/operation", stop, ACCESS).status, 400)
skip("1h")
stopped = detail(first)
same("the stopped task", stopped["Status"], "cancelled")
same("its numbers", [row["Status"] for row in stopped["detail"]], ["finished"] * 4 + ["cancelled"] * 2)

done = detail(second)
same("the other task", done["Status"], "finished")
talked, other, busy = done["detail"]
same("comments", [row.get("Comments") for row in done["detail"]], ["text", 4711, None])
same("how the phones rang", [row["RingType"] for row in done["detail"]], ["answered", "answered", "busy"])
same("how often", [row["Attempts"] for row in done["detail"]], [1, 1, 2])
true("what was wanted", talked["Intention"] == "A" and busy["Intention"] == "--", talked, busy)
true("what was said", {turn["Speaker"] for turn in talked["Dialog"]} == {"robot", "user"}, talked["Dialog"])
items = {check["Item"]: check["Expected"] for check in talked["CheckResults"]}
# What a row says for the robot alone is not asked about.
same("keys of the caller's own", items, {"Debtor": "Siti", "company_name": "PT Maju"})

one = data(get("/service/cloud/callinfo", ACCESS, CallID=talked["CallID"]))
same("a call by its id", (one["TaskID"], one["CalleeNumber"]), (second, "+6281110009001"))
same("a call nobody made", get("/service/cloud/callinfo", ACCESS, CallID="0" * 32).status, 404)
robots = data(get("/service/cloud/robot", ACCESS))["list"]
same("robots", [robot["Business"] for robot in robots], ["collection", "telemarketing", "info_check"])
same("a task nobody made", get("/service/cloud/detail", ACCESS, TaskID="0" * 32).status, 404)
