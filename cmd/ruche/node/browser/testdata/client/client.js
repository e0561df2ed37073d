// A client as people open it in a browser: it lives on an origin of its own and has nothing but
// fetch, a popup and a websocket. Each step that is done is said in #state, each refusal too.
"use strict"

const back = new URL("back.html", location).href
let server, token

const say = (text) => { document.querySelector("#state").textContent = text }
const log = (text) => { document.querySelector("#log").append(Object.assign(document.createElement("li"), {textContent: text})) }

// on runs a form's step, and says what went wrong in it.
const on = (id, step) => document.querySelector(id).addEventListener("submit", async (e) => {
	e.preventDefault()
	try {
		await step(Object.fromEntries(new FormData(e.target)))
	} catch (err) {
		say("failed: " + err.message)
	}
})

const json = {"Content-Type": "application/json"}

async function ask(method, path, body, headers = {}) {
	const mine = token ? {Authorization: "Bearer " + token} : {}
	const res = await fetch(server + path, {method, body, headers: {...mine, ...headers}})
	const got = await res.json()
	if (!res.ok) throw new Error(res.status + " " + got.error)
	return {got, headers: res.headers, status: res.status}
}

const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")

// answered waits for what the popup brings back.
const answered = () => new Promise((done) => addEventListener("message", (e) => {
	if (e.origin === location.origin) done(new URLSearchParams(e.data))
}, {once: true}))

on("#enter", async (form) => {
	server = form.server
	// The popup belongs to the click, so it is opened before anything is waited for.
	const popup = open("about:blank", "signin", "popup,width=600,height=800")
	try {
		const {got: instance} = await ask("GET", "/api/v2/instance")
		const scopes = "read write follow push"
		const {got: app} = await ask("POST", "/api/v1/apps", JSON.stringify({client_name: "A web client", redirect_uris: back, scopes, website: location.origin}), json)
		const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)))
		const challenge = base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))))
		const state = base64url(crypto.getRandomValues(new Uint8Array(16)))
		popup.location = server + "/oauth/authorize?" + new URLSearchParams({response_type: "code", client_id: app.client_id, redirect_uri: back, scope: scopes, state,
			code_challenge: challenge, code_challenge_method: "S256"})
		const answer = await answered()
		if (answer.get("state") !== state) throw new Error("the state is another")
		if (!answer.get("code")) throw new Error(answer.get("error"))
		const {got: given} = await ask("POST", "/oauth/token", new URLSearchParams({grant_type: "authorization_code", client_id: app.client_id, client_secret: app.client_secret,
			redirect_uri: back, code: answer.get("code"), code_verifier: verifier}))
		token = given.access_token
		const {got: me} = await ask("GET", "/api/v1/accounts/verify_credentials")
		listen(instance.configuration.urls.streaming)
		for (const form of document.querySelectorAll("form")) form.hidden = false
		say("signed in as " + me.acct)
	} catch (err) {
		popup.close()
		throw err
	}
})

// listen opens the stream with the token as its protocol, since a browser sends no headers there.
function listen(base) {
	const stream = new WebSocket(base + "/api/v1/streaming?stream=user", token)
	stream.onopen = () => log("stream open as " + (stream.protocol === token))
	stream.onclose = () => log("stream closed")
	stream.onmessage = (e) => {
		const {stream, event, payload} = JSON.parse(e.data)
		log([event, stream.join(), event === "update" ? JSON.parse(payload).content : ""].join(" "))
	}
}

const picture = () => {
	const canvas = Object.assign(document.createElement("canvas"), {width: 64, height: 48})
	const pen = canvas.getContext("2d")
	pen.fillStyle = "#c80"
	pen.fillRect(0, 0, 64, 48)
	return new Promise((done) => canvas.toBlob(done, "image/png"))
}

const shown = (src) => new Promise((done, fail) => {
	const img = new Image()
	img.onload = () => done(img.naturalWidth + "x" + img.naturalHeight)
	img.onerror = () => fail(new Error("the picture isn't shown"))
	img.src = src
})

on("#write", async (form) => {
	const upload = new FormData()
	upload.append("file", await picture(), "comb.png")
	upload.append("description", "An orange field")
	const {got: media} = await ask("POST", "/api/v2/media", upload)
	const {got: status} = await ask("POST", "/api/v1/statuses", JSON.stringify({status: form.text, media_ids: [media.id]}), {...json, "Idempotency-Key": crypto.randomUUID()})
	const attached = status.media_attachments[0]
	const bytes = await (await fetch(attached.url)).arrayBuffer()
	// Pages follow one another by a header, which a script reads only where it is told to.
	const home = await ask("GET", "/api/v1/timelines/home?limit=1")
	say(["posted", attached.description, await shown(attached.preview_url), bytes.byteLength > 0, "next page", /max_id=.*rel="next"/.test(home.headers.get("Link") ?? "")].join(" "))
})

on("#follow", async (form) => {
	const {got: account} = await ask("GET", "/api/v1/accounts/lookup?acct=" + encodeURIComponent(form.acct))
	const {got: relation} = await ask("POST", "/api/v1/accounts/" + account.id + "/follow")
	say("follows " + account.acct + " " + relation.following)
})
