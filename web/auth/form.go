package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Limits of what apps send.
const (
	// MaxBody bounds everything but uploads: the longest post with every option is far below.
	MaxBody = 1 << 20
	// MaxUpload bounds a multipart body of a person who is known; strangers have MaxBody.
	MaxUpload = 40 << 20
	// maxMemory is how much of an upload is held in memory; the rest goes to a temporary file.
	maxMemory = 1 << 20
	// maxParams bounds the single values of a body, maxDepth how deep they nest.
	maxParams = 1000
	maxDepth  = 8
)

// Values are what a request says, whichever way it says it: query, form, multipart or JSON. Keys
// have one spelling: a, a[] for lists, a[b] for objects, a[0][b] for lists of objects.
//
// The typed getters don't fail: they remember the first fault, and Err gives it.
type Values struct {
	url.Values
	form *multipart.Form
	path string // where an object taken out by Each stood
	err  *error
}

// formKey is where Browser leaves the form that it has read.
type formKey struct{}

// Params reads query and body. What the body says wins. The errors are Errors with status 400,
// 413 or 415.
func Params(r *http.Request) (*Values, error) {
	if v, ok := r.Context().Value(formKey{}).(*Values); ok {
		return v, nil // Browser has read it
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, Fail(http.StatusBadRequest, "The address holds a malformed parameter")
	}
	v := &Values{Values: url.Values{}, err: new(error)}
	if r.Body != nil && r.Body != http.NoBody {
		if err := v.readBody(r); err != nil {
			return nil, err
		}
	}
	for key, values := range query {
		if _, said := v.Values[key]; !said {
			v.Values[key] = values
		}
	}
	return v, v.count()
}

func (v *Values) count() error {
	n := 0
	for _, values := range v.Values {
		n += len(values)
	}
	if n > maxParams {
		return Fail(http.StatusBadRequest, fmt.Sprintf("There are more than %d parameters", maxParams))
	}
	return nil
}

func (v *Values) readBody(r *http.Request) error {
	header := r.Header.Get("Content-Type")
	kind, _, err := mime.ParseMediaType(header)
	if err != nil && header != "" {
		return Fail(http.StatusUnsupportedMediaType, "The Content-Type can't be read")
	}
	if kind == "multipart/form-data" {
		return v.readMultipart(r)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	if err != nil {
		return bodyError(err)
	}
	if len(body) > MaxBody {
		return Fail(http.StatusRequestEntityTooLarge, fmt.Sprintf("The body is larger than %d bytes", MaxBody))
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	switch {
	case kind == "application/json" || strings.HasSuffix(kind, "+json"):
		return v.readJSON(body)
	case kind == "application/x-www-form-urlencoded", kind == "":
		if v.Values, err = url.ParseQuery(string(body)); err != nil {
			return Fail(http.StatusBadRequest, "The form is malformed")
		}
		return nil
	default:
		return Fail(http.StatusUnsupportedMediaType, "Send a form, multipart/form-data or JSON")
	}
}

func bodyError(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return Fail(http.StatusRequestEntityTooLarge, fmt.Sprintf("The body is larger than %d bytes", tooLarge.Limit))
	}
	return Fail(http.StatusBadRequest, "The body can't be read")
}

func (v *Values) readMultipart(r *http.Request) error {
	limit := int64(MaxBody)
	if Account(r.Context()) != nil {
		limit = MaxUpload
	}
	r.Body = http.MaxBytesReader(nil, r.Body, limit)
	if err := r.ParseMultipartForm(maxMemory); err != nil {
		return bodyError(err)
	}
	v.form = r.MultipartForm // web removes its files when the handler is done
	size := 0
	for key, values := range v.form.Value {
		v.Values[key] = values
		for _, s := range values {
			size += len(key) + len(s)
		}
	}
	if size > MaxBody {
		return Fail(http.StatusRequestEntityTooLarge, fmt.Sprintf("The text of the body is larger than %d bytes", MaxBody))
	}
	return nil
}

func (v *Values) readJSON(body []byte) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		return Fail(http.StatusBadRequest, "The JSON is malformed")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Fail(http.StatusBadRequest, "Something follows the JSON")
	}
	object, ok := doc.(map[string]any)
	if !ok {
		return Fail(http.StatusBadRequest, "The JSON is no object")
	}
	left := maxParams
	for key, value := range object {
		if err := v.flatten(key, value, maxDepth, &left); err != nil {
			return err
		}
	}
	return nil
}

// flatten writes a JSON value under the keys that a form would have for it. null is absent.
func (v *Values) flatten(key string, value any, depth int, left *int) error {
	if depth == 0 {
		return Fail(http.StatusBadRequest, "The JSON is nested too deeply")
	}
	if *left--; *left < 0 {
		return Fail(http.StatusBadRequest, fmt.Sprintf("There are more than %d parameters", maxParams))
	}
	switch x := value.(type) {
	case nil:
	case string:
		v.Add(key, x)
	case json.Number:
		v.Add(key, x.String())
	case bool:
		v.Add(key, strconv.FormatBool(x))
	case map[string]any:
		for sub, value := range x {
			if err := v.flatten(key+"["+sub+"]", value, depth-1, left); err != nil {
				return err
			}
		}
	case []any:
		if len(x) == 0 {
			v.Values[key+"[]"] = []string{} // said, and empty
		}
		for i, value := range x {
			under := key + "[]"
			switch value.(type) {
			case map[string]any, []any:
				under = key + "[" + strconv.Itoa(i) + "]"
			}
			if err := v.flatten(under, value, depth-1, left); err != nil {
				return err
			}
		}
	}
	return nil
}

// Given says whether the request says anything about a key, an empty text or list included.
func (v *Values) Given(key string) bool {
	if v.Has(key) || v.HasFile(key) {
		return true
	}
	for k := range v.Values {
		if strings.HasPrefix(k, key+"[") {
			return true
		}
	}
	return false
}

// Str gives a text as it was sent, or "".
func (v *Values) Str(key string) string { return v.Get(key) }

// OptStr gives a text, or nil if the request doesn't say.
func (v *Values) OptStr(key string) *string {
	if !v.Has(key) {
		return nil
	}
	s := v.Get(key)
	return &s
}

// Bool reads what Mastodon's apps send for yes and no; without it, otherwise.
func (v *Values) Bool(key string, otherwise bool) bool {
	switch strings.ToLower(v.Get(key)) {
	case "":
		return otherwise
	case "true", "t", "1", "on", "yes":
		return true
	case "false", "f", "0", "off", "no":
		return false
	}
	v.fault(key, "must be true or false")
	return otherwise
}

// OptBool is Bool, or nil if the request doesn't say.
func (v *Values) OptBool(key string) *bool {
	if v.Get(key) == "" {
		return nil
	}
	b := v.Bool(key, false)
	return &b
}

// Int reads a whole number; without it, otherwise.
func (v *Values) Int(key string, otherwise int64) int64 {
	s := strings.TrimSpace(v.Get(key))
	if s == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		v.fault(key, "must be a whole number")
		return otherwise
	}
	return n
}

// Float reads a number; without it, otherwise.
func (v *Values) Float(key string, otherwise float64) float64 {
	s := strings.TrimSpace(v.Get(key))
	if s == "" {
		return otherwise
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != f || f > 1e300 || f < -1e300 {
		v.fault(key, "must be a number")
		return otherwise
	}
	return f
}

// List gives the texts of a list, sent as a[], a[0], a[1] or a alone.
func (v *Values) List(key string) []string {
	list := slices.Concat(v.Values[key], v.Values[key+"[]"])
	for _, i := range v.indexes(key) {
		list = append(list, v.Values[key+"["+i+"]"]...)
	}
	return list
}

// IDs gives the ids of a list; the empty text is none.
func (v *Values) IDs(key string) []int64 {
	var ids []int64
	for _, s := range v.List(key) {
		if s == "" {
			continue
		}
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n <= 0 {
			v.fault(key, "must hold ids")
			return nil
		}
		ids = append(ids, n)
	}
	return ids
}

// Each gives the objects of a list, sent as a[0][b] or a[][b], in order.
func (v *Values) Each(key string) []*Values {
	var out []*Values
	for _, i := range v.indexes(key) {
		if o := v.under(key, i, -1); len(o.Values) > 0 {
			out = append(out, o)
		}
	}
	// a[][b]=1&a[][c]=2&a[][b]=3: the n-th of each key belongs to the n-th object.
	for n := 0; ; n++ {
		o := v.under(key, "", n)
		if len(o.Values) == 0 {
			return out
		}
		out = append(out, o)
	}
}

// under takes the object at key[index]; of its values all, or the n-th only.
func (v *Values) under(key, index string, n int) *Values {
	prefix := key + "[" + index + "]["
	o := &Values{Values: url.Values{}, path: v.full(key + "[" + index + "]"), err: v.err}
	for k, values := range v.Values {
		rest, ok := strings.CutPrefix(k, prefix)
		if !ok {
			continue
		}
		name, tail, ok := strings.Cut(rest, "]")
		if !ok {
			continue
		}
		if n < 0 {
			o.Values[name+tail] = values
		} else if n < len(values) {
			o.Values[name+tail] = values[n : n+1]
		}
	}
	return o
}

// indexes lists the numbers in key[N], smallest first, as they were written.
func (v *Values) indexes(key string) []string {
	found := map[int]string{}
	for k := range v.Values {
		rest, ok := strings.CutPrefix(k, key+"[")
		if !ok {
			continue
		}
		index, _, ok := strings.Cut(rest, "]")
		if n, err := strconv.Atoi(index); ok && err == nil && n >= 0 && strconv.Itoa(n) == index {
			found[n] = index
		}
	}
	out := make([]string, 0, len(found))
	for _, n := range slices.Sorted(maps.Keys(found)) {
		out = append(out, found[n])
	}
	return out
}

// HasFile says whether a file was sent under the key.
func (v *Values) HasFile(key string) bool { return v.form != nil && len(v.form.File[key]) > 0 }

// RemoveFiles deletes what an upload left on disk: net/http does so only for the request that it
// made itself, not for copies with another context.
func RemoveFiles(r *http.Request) {
	if r.MultipartForm != nil {
		_ = r.MultipartForm.RemoveAll()
	}
}

// File opens the file sent under the key. The caller closes it. Without one it is a 422.
func (v *Values) File(key string) (multipart.File, *multipart.FileHeader, error) {
	if !v.HasFile(key) {
		return nil, nil, Invalid("%s must be a file", v.full(key))
	}
	header := v.form.File[key][0]
	f, err := header.Open()
	if err != nil {
		return nil, nil, fmt.Errorf("open upload: %w", err)
	}
	return f, header, nil
}

// full is how the request spells a key of an object taken out by Each.
func (v *Values) full(key string) string {
	if v.path == "" {
		return key
	}
	name, tail, nested := strings.Cut(key, "[")
	if nested {
		tail = "[" + tail
	}
	return v.path + "[" + name + "]" + tail
}

func (v *Values) fault(key, text string) {
	if *v.err == nil {
		*v.err = Invalid("%s %s", v.full(key), text)
	}
}

// Err is the first fault that a getter met, a 422 that names the key.
func (v *Values) Err() error { return *v.err }
