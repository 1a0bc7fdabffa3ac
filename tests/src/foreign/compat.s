.intel_syntax noprefix
.code32
.globl _start
_start:
 sub esp, 16
 mov eax,3
 xor ebx,ebx
 mov ecx,esp
 mov edx,1
 int 0x80
 mov eax,359
 mov ebx,2
 mov ecx,2
 xor edx,edx
 int 0x80
 test eax,eax
 js fail
 mov ebx,eax
 mov dword ptr [esp],0x09000002
 mov dword ptr [esp+4],0x0100007f
 mov eax,362
 mov ecx,esp
 mov edx,16
 int 0x80
 test eax,eax
 js fail
 xor eax,eax
fail:
 neg eax
 mov ebx,eax
 mov eax,252
 int 0x80
