"""Recordings, one by one and all together, read by the standard library."""

import io
import wave
import zipfile

from client import call, data, get, post, same, skip, token, true

ACCESS = token()
numbers = ["+6281110009001", "+6281110009005", "+6281110019011", "+6281110009002", "+6281110029001"]
details = [{"Mobile": number, "Debtor": "Budi", "Arrears": 150000} for number in numbers]
task = data(post("/service/cloud/task", {"TaskName": "recorded", "Details": details}, ACCESS))["TaskID"]
skip("1h")
rows = data(get("/service/cloud/detail", ACCESS, TaskID=task))["detail"]
talks = [row for row in rows if row["RecordLink"]]
same("only talks are recorded", [row["CalleeNumber"] for row in talks], [numbers[0], numbers[2], numbers[4]])

alone = []
for row in talks:
    number = row["CalleeNumber"]
    facts = data(get("/service/cloud/case", ACCESS, TaskID=task, Callee=number))
    same(f"the link of {number}", facts["link"], row["RecordLink"])
    # Whoever has the link may fetch it, without a token.
    reply = call("GET", facts["link"])
    same("is there", (reply.status, reply.headers["Content-Type"]), (200, "audio/wav"))
    with wave.open(io.BytesIO(reply.body)) as sound:
        seconds = sound.getnframes() / sound.getframerate()
        samples = memoryview(sound.readframes(sound.getnframes())).cast("h")
        true("is speech of a telephone", sound.getsampwidth() == 2 and sound.getframerate() >= 8000)
    same("is as long as the talk", seconds, float(row["TalkDuration"]))
    true("is not silent", max(samples) > 1000, max(samples))
    alone.append(reply.body)
true("every voice is another one", len(set(alone)) == len(alone))

part = call("GET", talks[0]["RecordLink"], headers={"Range": "bytes=40-99"})
same("a part", (part.status, part.headers["Content-Range"]), (206, f"bytes 40-99/{len(alone[0])}"))
same("is that part", part.body, alone[0][40:100])
tail = call("GET", talks[0]["RecordLink"], headers={"Range": "bytes=-10"})
same("the last bytes", (tail.status, tail.body), (206, alone[0][-10:]))
beyond = call("GET", talks[0]["RecordLink"], headers={"Range": f"bytes={len(alone[0])}-"})
same("a part beyond the end", beyond.status, 416)

link = data(get("/service/cloud/recording", ACCESS, TaskID=task))["link"]
archive = call("GET", link)
same("the archive", (archive.status, archive.headers["Content-Type"]), (200, "application/zip"))
with zipfile.ZipFile(io.BytesIO(archive.body)) as files:
    same("is sound", files.testzip(), None)
    same("has one file for each talk", len(files.namelist()), len(talks))
    same("the same as alone", [files.read(name) for name in files.namelist()], alone)

same("the recording of a busy number", get("/service/cloud/case", ACCESS, TaskID=task, Callee=numbers[1]).status, 404)
wrong = talks[0]["RecordLink"][:-5] + ("0" if talks[0]["RecordLink"][-5] != "0" else "1") + ".wav"
same("a link nobody was given", call("GET", wrong).status, 404)
