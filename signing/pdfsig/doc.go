// Package pdfsig finds and checks the signatures of PDF files, and makes them.
package pdfsig
