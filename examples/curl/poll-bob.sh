#!/bin/sh
# Bob is called over long-polling: poll-bob.sh [ROOM] [URL]
room=${1:-demo} url=${2:-http://127.0.0.1:8080}
key=$(head -c 18 /dev/urandom | base64 | tr '+/' '-_')   # only he knows it: it is his session

# The first poll opens the session and joins the room. Every poll acknowledges what the one before
# it brought, takes up what there is to say, and waits for what happens next.
with="\"open\":{\"room\":\"$room\",\"name\":\"bob\"},\"turn\":1," n=0 ack=0
until
  n=$((n + 1))
  answer=$(curl -sS -d "{\"key\":\"$key\",$with\"n\":$n,\"ack\":$ack}" "$url/v1/poll") || exit
  with=
  case $answer in *'"ended":'*) true ;; '{"error"'*) echo "$answer" >&2; exit 1 ;; *) false ;; esac
do
  # One event a line. (In earnest, let a JSON parser do it.)
  events=$(echo "$answer" | sed 's/{"type":/\
&/g; s/.*"events":\[//' | grep '^{"type"')
  while read -r event; do
    [ -n "$event" ] || continue
    ack=$((ack + 1))
    event=$(echo "$event" | sed 's/,$//; s/\],"up":.*//')
    echo "bob hears $event"
    case $event in
    '{"type":"offer"'*)       # the answer, and a candidate of his own
      with='"messages":[{"n":1,"type":"answer","data":{"sdp":"v=0 of bob"}},
                        {"n":2,"type":"candidate","data":{"candidate":"1 of bob"}}],' ;;
    '{"type":"bye"'*) with='"messages":[{"n":3,"type":"leave"}],' ;;
    esac
  done <<end
$events
end
done
